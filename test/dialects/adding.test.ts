import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { digestOf } from '../clients/journey.js'
import { Operator } from '../clients/operator.js'
import { dataTemplate } from '../world.js'
import { verifies } from './openssl.js'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
/** How long a server may take to be ready, its new CA included. */
const startTimeoutMs = 60_000

/** The code of docs/providers/adding.md by the file that it belongs to. */
async function codeOfThePage(): Promise<Map<string, string>> {
  const page = await readFile(join(checkout, 'docs/providers/adding.md'), 'utf8')
  const blocks = page.matchAll(/`src\/(providers\/songhong\/[\w/-]+\.ts)`:\n\n```ts\n([\s\S]*?)```/g)
  return new Map([...blocks].map(([, path = '', code = '']) => [path, code]))
}

/** A copy of the server with the fifth provider in it, and nothing changed but the registry. */
async function withFifthProvider(folder: string): Promise<void> {
  await cp(join(checkout, 'build/src'), join(folder, 'src'), { recursive: true })
  for (const [path, code] of await codeOfThePage()) {
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        verbatimModuleSyntax: true
      }
    })
    const file = join(folder, 'src', path.replace(/\.ts$/, '.js'))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, outputText)
  }
  const registry = join(folder, 'src/providers/registry.js')
  const text = await readFile(registry, 'utf8')
  const more = text.replace('misa, nacencomm]', 'misa, nacencomm, songhong]')
  await writeFile(registry, `import { songhong } from './songhong/profile.js'\n${more}`)
}

t.test('a fifth provider is one folder and one line in the registry', async (t) => {
  // Under build/, so that packages and package.json are found from there.
  const folder = await mkdtemp(join(checkout, 'build/test-fifth-'))
  const data = await mkdtemp(join(tmpdir(), 'kyso-fifth-'))
  t.teardown(() => Promise.all([folder, data].map((path) => rm(path, { recursive: true, force: true }))))
  await withFifthProvider(folder)
  await cp(await dataTemplate('demo'), join(data, 'data'), { recursive: true })

  const env = {
    ...process.env,
    DATA_DIR: join(data, 'data'),
    PORT: '0',
    SEED: 'demo',
    KEY_POOL: '0',
    LOG_LEVEL: 'warn'
  }
  const server = spawn(process.execPath, [join(folder, 'src/main.js')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise((resolve) => server.once('exit', resolve))
  t.teardown(async () => {
    server.kill('SIGTERM')
    await ended
  })
  let out = ''
  server.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  const until = Date.now() + startTimeoutMs
  while (!out.includes('ready ') && server.exitCode === null && Date.now() < until) await sleep(50)
  const url = /ready (http:\S+)/.exec(out)?.[1] ?? ''

  const operator = new Operator({ url })
  const party = await operator.post('/relying-parties', { provider: 'songhong', name: 'Cổng thử' })
  t.equal(party.status, 201)
  const of = { client: party.body.clientId, secret: party.body.clientSecret }
  const person = {
    provider: 'songhong',
    login: 'hoa',
    fullName: 'Lý Thị Hoa',
    nationalId: '001099000001',
    password: 'mật khẩu 1'
  }
  const { body: subscriber } = await operator.post('/subscribers', person)
  const { body: credential } = await operator.post(`/subscribers/${subscriber.id}/credentials`, {
    algorithm: 'RSA-2048',
    publish: true
  })
  t.match(String(credential.issuer), /Song Hong CA SIMULATED/)
  await operator.call('PUT', `/subscribers/${subscriber.id}/virtual-phone`, { behaviour: 'confirm' })

  const post = async (path: string, body: object, host?: string) => {
    const response = await fetch(`${url}/songhong${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(host === undefined ? {} : { host }) },
      body: JSON.stringify(body)
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const digest = digestOf('hợp đồng')
  const ask = { ...of, login: 'hoa', password: 'mật khẩu 1', id: 'T-1', hashes: [digest.toString('hex')] }

  t.match(
    await post('/ky/sign', { ...ask, password: 'sai' }),
    { status: 401, body: { ok: false, error: 'authentication_failed' } },
    'its login policy asks for a password'
  )
  t.match(
    await post('/ky/sign', { ...ask, hashes: [digest.toString('base64')] }),
    { status: 400, body: { ok: false, error: 'request_invalid' } },
    'its dialect takes hexadecimal'
  )
  t.match(await post('/ky/sign', ask), { status: 200, body: { ok: true, id: 'T-1' } })

  let result = await post('/ky/result', { ...of, id: 'T-1' })
  while (['waiting', 'signing'].includes(String(result.body.state))) {
    await sleep(50)
    result = await post('/ky/result', { ...of, id: 'T-1' })
  }
  const [signature = ''] = result.body.signatures as string[]
  t.match(signature, /^[0-9A-F]{512}$/, 'its quirk is on')
  t.ok(
    await verifies(String(credential.certificatePem), digest, Buffer.from(signature, 'hex')),
    'openssl verifies it'
  )
})
