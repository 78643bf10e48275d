import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { StartError } from './errors.js'

/** Every setting: its name in the environment, its default as the documentation writes it, and what it does. */
export const settings = [
  { name: 'HOST', default: '127.0.0.1', meaning: 'Address to listen on.' },
  { name: 'PORT', default: '8080', meaning: 'Port to listen on; 0 picks a free one.' },
  {
    name: 'PUBLIC_URL',
    default: 'http://HOST:PORT',
    meaning:
      'What `info`, tokens and links say, without a trailing slash; never taken from the Host header. https with TLS=on.'
  },
  {
    name: 'PKI_URL',
    default: 'PUBLIC_URL',
    meaning: 'Base of the CRL, OCSP and CA addresses in certificates.'
  },
  {
    name: 'DATA_DIR',
    default: '.data',
    meaning: 'Folder of the token, the embedded database and the generated secrets.'
  },
  {
    name: 'DATABASE_URL',
    default: 'unset',
    meaning: 'A PostgreSQL (15 or later) to use; unset means the embedded one in DATA_DIR.'
  },
  { name: 'PKCS11_MODULE', default: 'SoftHSM', meaning: 'Path of a PKCS#11 module.' },
  { name: 'PKCS11_TOKEN', default: 'kyso', meaning: 'Label of the token.' },
  {
    name: 'PKCS11_PIN',
    default: 'generated',
    meaning: 'User PIN of the token; by default a file in DATA_DIR.'
  },
  { name: 'PKCS11_PIN_FILE', default: 'unset', meaning: 'File that holds the PIN; instead of PKCS11_PIN.' },
  {
    name: 'KEY_STORAGE',
    default: 'wrapped',
    meaning: 'Where subscriber keys live: `wrapped` in the database or `token` objects in the HSM.'
  },
  { name: 'SIGNING_WORKERS', default: 'number of cores', meaning: 'Threads that sign, 1 to 64.' },
  { name: 'KEY_CACHE', default: '10000', meaning: 'Keys kept ready in the HSM.' },
  {
    name: 'KEY_POOL',
    default: '8',
    meaning: 'Key pairs of RSA-2048 and of P-256 each, made ahead while the HSM is idle; 0 for none.'
  },
  {
    name: 'ACTIVATION_TTL_S',
    default: "the provider's",
    meaning: 'Seconds a subscriber has to answer a challenge.'
  },
  { name: 'SAD_TTL_S', default: '300', meaning: 'Seconds a SAD is valid.' },
  { name: 'TOKEN_TTL_S', default: '3600', meaning: 'Seconds an access token is valid.' },
  {
    name: 'RETENTION_DAYS',
    default: 'unset',
    meaning:
      'Days that audit events and the evidence for them are kept at least, 30 or more; unset keeps everything.'
  },
  {
    name: 'LOCKOUT_ATTEMPTS',
    default: '5',
    meaning: 'Wrong passwords or codes in a row, at one relying party, that lock a login there.'
  },
  { name: 'LOCKOUT_S', default: '300', meaning: 'Seconds a lockout lasts.' },
  {
    name: 'QUIRKS_OFF',
    default: 'none',
    meaning: 'Manners of the real services to be left out, separated by commas: see docs/providers.'
  },
  {
    name: 'CSC_SPECS',
    default: 'v1=1.0.3.0,v2=2.0.0.2',
    meaning:
      'What CSC `info.specs` says, separated by commas; `misa/v2=2.2.0.0` is for one provider. Some clients ask for one value.'
  },
  {
    name: 'CSC_CREDENTIALS',
    default: 'off',
    meaning:
      '`on`: subscribers who log in may have credentials made and deleted by CSC API 2.2 `credentials/create` and `/delete`.'
  },
  {
    name: 'SIMULATION',
    default: 'on',
    meaning: 'Demo seed and virtual phones; `off` by default when NODE_ENV=production.'
  },
  {
    name: 'SEED',
    default: 'demo',
    meaning:
      '`demo` or `none`. The default is `demo` when SIMULATION=on, the database is empty and HOST is a loopback address.'
  },
  {
    name: 'TLS',
    default: 'off',
    meaning:
      "`on`: PORT speaks TLS, by a simulated root for the providers' host names; only with SIMULATION=on."
  },
  {
    name: 'TRUST_PROXY',
    default: 'off',
    meaning: '`on`: one proxy in front names the client, in the last entry of X-Forwarded-For.'
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    meaning: 'trace, debug, info, warn, error, fatal or silent; secrets are redacted at every level.'
  }
] as const

export type SettingName = (typeof settings)[number]['name']

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** The settings as values: checked, frozen, and all that the house knows of the environment. */
export interface Config {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** Null: follows from host and the port that was bound, see `publicUrlOf`. No trailing slash. */
  readonly publicUrl: string | null
  /** Null: as `publicUrl`. */
  readonly pkiUrl: string | null
  /** Absolute. */
  readonly dataDir: string
  /** Null: the embedded PostgreSQL. Holds a password; never logged. */
  readonly databaseUrl: string | null
  /** Null: SoftHSM, where the system has it. */
  readonly pkcs11Module: string | null
  readonly pkcs11Token: string
  /** Null: generated and kept in the data folder. */
  readonly pkcs11Pin: string | null
  readonly keyStorage: 'wrapped' | 'token'
  readonly signingWorkers: number
  /** Number of keys. */
  readonly keyCache: number
  /** Number of key pairs of each common algorithm. */
  readonly keyPool: number
  /** Null: the provider's own. */
  readonly activationTtlS: number | null
  readonly sadTtlS: number
  readonly tokenTtlS: number
  /** Null: everything is kept. */
  readonly retentionDays: number | null
  readonly lockoutAttempts: number
  readonly lockoutS: number
  /** Names, not yet checked. */
  readonly quirksOff: readonly string[]
  /** Entries, not yet checked. */
  readonly cscSpecs: readonly string[]
  /** Whether relying parties may make and delete credentials for people who log in. */
  readonly cscCredentials: boolean
  readonly simulation: boolean
  /** `demo-if-empty`: the default where it is allowed; an empty database is the store's to see. */
  readonly seed: 'demo' | 'demo-if-empty' | 'none'
  /** Whether the port speaks TLS; then `publicUrl` is null or begins with https. */
  readonly tls: boolean
  readonly trustProxy: boolean
  readonly logLevel: (typeof logLevels)[number]
}

/**
 * Reads the settings. A variable that is set to nothing counts as unset.
 * @throws StartError with one sentence for each value that cannot be used.
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const complaints: string[] = []
  const text = (name: SettingName | 'NODE_ENV') => env[name] || undefined

  /** `value` is shown unless it may be a secret. */
  function refuse(name: SettingName, expected: string, value?: string): void {
    complaints.push(`${name} must be ${expected}${value === undefined ? '' : `, not "${value}"`}.`)
  }
  function whole<Default>(name: SettingName, min: number, max: number, byDefault: Default): number | Default {
    const value = text(name)
    if (value === undefined) return byDefault
    const number = Number(value)
    if (/^[0-9]{1,9}$/.test(value) && number >= min && number <= max) return number
    refuse(name, `a whole number from ${min} to ${max}`, value)
    return byDefault
  }
  function choice<Choice extends string>(
    name: SettingName,
    choices: readonly Choice[],
    byDefault: Choice
  ): Choice {
    const value = text(name)
    if (value === undefined) return byDefault
    const chosen = choices.find((one) => one === value)
    if (chosen === undefined) refuse(name, `one of ${choices.join(', ')}`, value)
    return chosen ?? byDefault
  }
  const list = (name: SettingName): string[] =>
    (text(name) ?? '')
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
  function base(name: SettingName): string | null {
    const value = text(name)
    if (value === undefined) return null
    const url = URL.canParse(value) ? new URL(value) : null
    if (url === null || !/^https?:$/.test(url.protocol)) refuse(name, 'an http or https address', value)
    else if (url.username || url.password || url.search || url.hash || /[?#]/.test(value))
      refuse(name, 'an address without user, query or fragment')
    else if (value.endsWith('/')) refuse(name, 'an address without a trailing slash', value)
    else return value
    return null
  }

  const host = text('HOST') ?? '127.0.0.1'
  if (isIP(host) === 0 && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(host))
    refuse('HOST', 'a host name or an IP address', host)
  const port = whole('PORT', 0, 65_535, 8080)

  const databaseUrl = text('DATABASE_URL') ?? null
  if (databaseUrl !== null && !(/^postgres(ql)?:\/\//.test(databaseUrl) && URL.canParse(databaseUrl)))
    refuse('DATABASE_URL', 'an address that begins with postgres://')

  const pkcs11Token = text('PKCS11_TOKEN') ?? 'kyso'
  if (Buffer.byteLength(pkcs11Token) > 32) refuse('PKCS11_TOKEN', 'at most 32 octets', pkcs11Token)
  let pkcs11Pin = text('PKCS11_PIN') ?? null
  const pinFile = text('PKCS11_PIN_FILE')
  if (pkcs11Pin !== null && pinFile !== undefined) refuse('PKCS11_PIN_FILE', 'unset when PKCS11_PIN is set')
  else if (pinFile !== undefined) {
    try {
      pkcs11Pin = readFileSync(pinFile, 'utf8').trim()
    } catch {
      refuse('PKCS11_PIN_FILE', 'a file that can be read', pinFile)
    }
  }
  if (pkcs11Pin !== null && (pkcs11Pin.length < 4 || pkcs11Pin.length > 255))
    refuse(pinFile === undefined ? 'PKCS11_PIN' : 'PKCS11_PIN_FILE', 'a PIN of 4 to 255 characters')

  const simulation =
    choice('SIMULATION', ['on', 'off'], text('NODE_ENV') === 'production' ? 'off' : 'on') === 'on'
  const seedGiven = text('SEED') !== undefined
  const seed = choice('SEED', ['demo', 'none'], simulation && isLoopback(host) ? 'demo' : 'none')
  if (seed === 'demo' && !simulation) refuse('SEED', '`none` when SIMULATION=off', 'demo')

  const tls = choice('TLS', ['off', 'on'], 'off') === 'on'
  if (tls && !simulation)
    complaints.push(
      'TLS must be off when SIMULATION=off: its root is a simulated one; let a proxy in front terminate TLS.'
    )
  const publicUrl = base('PUBLIC_URL')
  if (tls && publicUrl !== null && !isCertifiable(new URL(publicUrl)))
    refuse('PUBLIC_URL', 'an https address with a plain host name when TLS=on', publicUrl)

  const config: Config = {
    host,
    port,
    publicUrl,
    pkiUrl: base('PKI_URL'),
    dataDir: resolve(text('DATA_DIR') ?? '.data'),
    databaseUrl,
    pkcs11Module: text('PKCS11_MODULE') ?? null,
    pkcs11Token,
    pkcs11Pin,
    keyStorage: choice('KEY_STORAGE', ['wrapped', 'token'], 'wrapped'),
    signingWorkers: whole('SIGNING_WORKERS', 1, 64, Math.min(availableParallelism(), 64)),
    keyCache: whole('KEY_CACHE', 1, 1_000_000, 10_000),
    keyPool: whole('KEY_POOL', 0, 10_000, 8),
    activationTtlS: whole('ACTIVATION_TTL_S', 1, 86_400, null),
    sadTtlS: whole('SAD_TTL_S', 1, 86_400, 300),
    tokenTtlS: whole('TOKEN_TTL_S', 1, 86_400, 3600),
    retentionDays: whole('RETENTION_DAYS', 30, 36_500, null),
    lockoutAttempts: whole('LOCKOUT_ATTEMPTS', 1, 1_000, 5),
    lockoutS: whole('LOCKOUT_S', 1, 86_400, 300),
    quirksOff: list('QUIRKS_OFF').filter((name) => name !== 'none'),
    cscSpecs: list('CSC_SPECS'),
    cscCredentials: choice('CSC_CREDENTIALS', ['off', 'on'], 'off') === 'on',
    simulation,
    seed: seed === 'demo' && !seedGiven ? 'demo-if-empty' : seed,
    tls,
    trustProxy: choice('TRUST_PROXY', ['off', 'on'], 'off') === 'on',
    logLevel: choice('LOG_LEVEL', logLevels, 'info')
  }
  if (complaints.length > 0) throw new StartError(complaints.join('\n'))
  return Object.freeze(config)
}

/** What the server calls itself once `port` is bound. A wildcard address is reached as localhost. */
export function publicUrlOf(config: Pick<Config, 'publicUrl' | 'host' | 'tls'>, port: number): string {
  if (config.publicUrl !== null) return config.publicUrl
  const scheme = config.tls ? 'https' : 'http'
  if (config.host === '0.0.0.0' || config.host === '::') return `${scheme}://localhost:${port}`
  return `${scheme}://${isIP(config.host) === 6 ? `[${config.host}]` : config.host}:${port}`
}

/** Whether a certificate can be for that host: a URL may name more than DNS knows, such as a wildcard. */
function isCertifiable({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' && /^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?)$/.test(hostname)
}

/** `localhost`, 127.0.0.0/8 and ::1, without port or brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}
