import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { approvalLifetimeS } from '../../src/activation/standing.js'
import { publicUrlOf, readConfig, settings } from '../../src/config.js'
import { providers } from '../../src/providers/registry.js'
import { clockToleranceMs, openAtMostMs } from '../../src/store/uuid-time.js'

t.test('without any setting the defaults of the table hold', async (t) => {
  const config = readConfig({})
  t.match(config, {
    host: '127.0.0.1',
    port: 8080,
    publicUrl: null,
    databaseUrl: null,
    pkcs11Token: 'kyso',
    pkcs11Pin: null,
    keyStorage: 'wrapped',
    keyCache: 10_000,
    activationTtlS: null,
    sadTtlS: 300,
    tokenTtlS: 3600,
    retentionDays: null,
    lockoutAttempts: 5,
    lockoutS: 300,
    cscCredentials: false,
    simulation: true,
    seed: 'demo-if-empty',
    tls: false,
    trustProxy: false,
    logLevel: 'info'
  })
  t.equal(config.dataDir, join(process.cwd(), '.data'))
  t.equal(publicUrlOf(config, 8080), 'http://127.0.0.1:8080')
  t.ok(Object.isFrozen(config))
})

t.test('a value that cannot be used is refused in a sentence that names it', async (t) => {
  const bad: [NodeJS.ProcessEnv, RegExp][] = [
    [{ PORT: '65536' }, /^PORT must be a whole number from 0 to 65535, not "65536"\.$/],
    [{ PORT: '80 ' }, /^PORT /],
    [{ PORT: '1e3' }, /^PORT /],
    [{ HOST: 'two words' }, /^HOST /],
    [{ PUBLIC_URL: 'https://kyso.example/' }, /^PUBLIC_URL must be an address without a trailing slash/],
    [{ PUBLIC_URL: 'kyso.example' }, /^PUBLIC_URL must be an http or https address/],
    [{ PUBLIC_URL: 'http://kyso.example?' }, /^PUBLIC_URL /],
    [{ PKI_URL: 'ftp://kyso.example' }, /^PKI_URL /],
    [
      { DATABASE_URL: 'mysql://u:hunter2@h/d' },
      /^DATABASE_URL must be an address that begins with postgres:\/\/\.$/
    ],
    [{ PKCS11_TOKEN: 'x'.repeat(33) }, /^PKCS11_TOKEN /],
    [{ PKCS11_PIN: '123' }, /^PKCS11_PIN must be a PIN of 4 to 255 characters\.$/],
    [{ PKCS11_PIN: '1234', PKCS11_PIN_FILE: '/etc/hostname' }, /^PKCS11_PIN_FILE must be unset/],
    [{ PKCS11_PIN_FILE: '/does/not/exist' }, /^PKCS11_PIN_FILE must be a file that can be read/],
    [{ KEY_STORAGE: 'memory' }, /^KEY_STORAGE must be one of wrapped, token, not "memory"\.$/],
    [{ SIGNING_WORKERS: '0' }, /^SIGNING_WORKERS /],
    [{ KEY_CACHE: '-1' }, /^KEY_CACHE /],
    [{ KEY_POOL: '-1' }, /^KEY_POOL /],
    [{ ACTIVATION_TTL_S: '0' }, /^ACTIVATION_TTL_S /],
    [{ SAD_TTL_S: 'long' }, /^SAD_TTL_S /],
    [{ TOKEN_TTL_S: '1.5' }, /^TOKEN_TTL_S /],
    [{ RETENTION_DAYS: '29' }, /^RETENTION_DAYS must be a whole number from 30 to 36500, not "29"\.$/],
    [{ LOCKOUT_ATTEMPTS: 'x' }, /^LOCKOUT_ATTEMPTS /],
    [{ LOCKOUT_S: 'x' }, /^LOCKOUT_S /],
    [{ CSC_CREDENTIALS: 'yes' }, /^CSC_CREDENTIALS must be one of off, on, not "yes"\.$/],
    [{ SIMULATION: 'yes' }, /^SIMULATION must be one of on, off/],
    [{ SEED: 'all' }, /^SEED /],
    [{ SEED: 'demo', SIMULATION: 'off' }, /^SEED must be `none` when SIMULATION=off/],
    [{ TLS: 'yes' }, /^TLS must be one of off, on/],
    [{ TLS: 'on', SIMULATION: 'off' }, /^TLS must be off when SIMULATION=off: .* let a proxy .*\.$/],
    [{ TLS: 'on', NODE_ENV: 'production' }, /^TLS must be off when SIMULATION=off/],
    [{ TLS: 'on', PUBLIC_URL: 'http://kyso.example' }, /^PUBLIC_URL must be an https address/],
    [{ TLS: 'on', PUBLIC_URL: 'https://*.example' }, /^PUBLIC_URL must be .* a plain host name when TLS=on/],
    [{ TRUST_PROXY: 'maybe' }, /^TRUST_PROXY /],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL /]
  ]
  for (const [env, message] of bad) {
    t.throws(() => readConfig(env), { name: 'StartError', message }, JSON.stringify(env))
  }
  const names = new Set(bad.flatMap(([env]) => Object.keys(env)))
  // A path may be anything; names of quirks and versions are checked by those who know them.
  const free = ['DATA_DIR', 'PKCS11_MODULE', 'QUIRKS_OFF', 'CSC_SPECS']
  t.same(
    settings.map(({ name }) => name).filter((name) => !names.has(name)),
    free,
    'every setting of the table is checked'
  )
  t.throws(() => readConfig({ PORT: 'x', TLS: 'x' }), { message: /^PORT .*\nTLS / }, 'all of them at once')
  t.throws(() => readConfig({ DATABASE_URL: 'mysql://u:hunter2@h/d' }), { message: /^(?!.*hunter2)/ })
})

t.test('simulation and seed follow from where the server stands', async (t) => {
  const of = (env: NodeJS.ProcessEnv) => {
    const { simulation, seed } = readConfig(env)
    return { simulation, seed }
  }
  t.same(of({ NODE_ENV: 'production' }), { simulation: false, seed: 'none' })
  t.same(of({ NODE_ENV: 'production', SIMULATION: 'on' }), { simulation: true, seed: 'demo-if-empty' })
  t.same(
    of({ HOST: '0.0.0.0' }),
    { simulation: true, seed: 'none' },
    'known secrets are for this machine alone'
  )
  t.same(of({ HOST: '0.0.0.0', SEED: 'demo' }), { simulation: true, seed: 'demo' })
  t.same(of({ HOST: '::1' }), { simulation: true, seed: 'demo-if-empty' })
  t.same(of({ SEED: 'none' }), { simulation: true, seed: 'none' })
  t.same(of({ SIMULATION: '' }), { simulation: true, seed: 'demo-if-empty' }, 'set to nothing is unset')
})

t.test('the PIN may come from a file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-pin-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'pin'), '123456\n')
  t.equal(readConfig({ PKCS11_PIN_FILE: join(folder, 'pin') }).pkcs11Pin, '123456')
})

t.test('the public address is what was set, or where the server listens', async (t) => {
  t.equal(publicUrlOf(readConfig({ PUBLIC_URL: 'https://a.example/kyso' }), 1), 'https://a.example/kyso')
  t.equal(publicUrlOf(readConfig({ HOST: '::1' }), 81), 'http://[::1]:81')
  t.equal(publicUrlOf(readConfig({ HOST: '0.0.0.0' }), 81), 'http://localhost:81')
  t.equal(publicUrlOf(readConfig({ TLS: 'on' }), 8443), 'https://127.0.0.1:8443')
  const named = readConfig({ TLS: 'on', PUBLIC_URL: 'https://[2001:db8::5]:8443/kyso' })
  t.equal(publicUrlOf(named, 1), 'https://[2001:db8::5]:8443/kyso')
})

t.test('whatever the settings, nothing stays open longer than it is looked for', async (t) => {
  const day = '86400'
  const { activationTtlS, sadTtlS } = readConfig({ ACTIVATION_TTL_S: day, SAD_TTL_S: day })
  t.throws(() => readConfig({ ACTIVATION_TTL_S: '86401' }))
  t.throws(() => readConfig({ SAD_TTL_S: '86401' }))
  const longest = Math.max(...providers.map(({ limits }) => limits.activationTtlS), activationTtlS ?? 0)
  t.ok((longest + approvalLifetimeS + sadTtlS) * 1000 + clockToleranceMs <= openAtMostMs)
})
