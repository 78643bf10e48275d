import { execFile } from 'node:child_process'
import { verify, X509Certificate } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { ecdsaSha256Oid } from '../clients/portal.js'
import { ServerProcess } from '../clients/server-process.js'
import { dataTemplate, templatePkiUrl } from '../world.js'

const provider = 'vnpt'
const run = promisify(execFile)
const auditVerify = new URL('../../src/commands/audit-verify.js', import.meta.url).pathname

const folder = mkdtempSync(join(tmpdir(), 'kyso-restore-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** The public address is that of before, since phones were enrolled with it, whatever port is free. */
const env = { PKI_URL: templatePkiUrl, KEY_POOL: '0', PUBLIC_URL: 'http://localhost:8080' }

async function served<T>(dataDir: string, work: (url: string) => Promise<T>): Promise<T> {
  const server = await ServerProcess.start(dataDir, env)
  try {
    return await work(server.url)
  } finally {
    await server.stop()
  }
}

/** Asks, confirms, signs; whether Node verifies it with the certificate's key. */
async function signs(url: string, person: Person, text: string): Promise<boolean> {
  const cast = castAt({ url, provider })
  person.device.moveTo(url)
  const { sad } = await cast.approve(person, [digestOf(text)])
  const answer = await cast.portal.sign(person.credentialID, sad, [digestOf(text)], ecdsaSha256Oid)
  const { publicKey } = new X509Certificate(await cast.portal.certificate(person.credentialID))
  const signature = Buffer.from(answer.body.signatures?.[0] ?? '', 'base64')
  return verify('sha256', Buffer.from(text), publicKey, signature)
}

/** Exit code and words of `npm run audit:verify`. */
async function audit(dataDir: string): Promise<{ code: unknown; said: string }> {
  return run(process.execPath, [auditVerify, '--data-dir', dataDir]).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: unknown; stdout: string }) => ({ code: error.code, said: error.stdout })
  )
}

/** As docs/operating.md has it. */
const pack = (dataDir: string, file: string) => run('tar', ['-czf', file, '-C', dataDir, '.'])
async function unpack(file: string, dataDir: string): Promise<void> {
  mkdirSync(dataDir, { mode: 0o700 })
  await run('tar', ['-xzf', file, '-C', dataDir])
}

t.test('a backup is restored into an empty folder, as docs/operating.md says', async (t) => {
  const original = join(folder, 'original')
  const restored = join(folder, 'restored')
  const backup = join(folder, 'kyso-backup.tar.gz')
  cpSync(await dataTemplate('demo'), original, { recursive: true })

  const [kept, revoked] = await served(original, async (url) => {
    const { enrol } = castAt({ url, provider })
    const people = [await enrol(), await enrol()] as const
    t.ok(await signs(url, people[0], 'before the backup'))
    return people
  })
  await pack(original, backup)
  await served(original, async (url) => {
    const { operator } = castAt({ url, provider })
    const { status } = await operator.post(`/credentials/${revoked.credentialID}/revoke`, {
      reason: 'superseded'
    })
    t.equal(status, 200)
    t.ok(await signs(url, kept, 'after the backup'))
  })
  await unpack(backup, restored)

  await t.test('the server starts, and a credential signs', async (t) => {
    await served(restored, async (url) => {
      t.equal((await fetch(`${url}/health/ready`)).status, 200)
      t.ok(await signs(url, kept, 'restored'))
    })
  })

  await t.test('the audit is whole', async (t) => {
    const { code, said } = await audit(restored)
    t.equal(code, 0, said)
    t.match(said, 'The audit is whole.')
  })

  await t.test('a revocation from after the backup is undone, and can be done again', async (t) => {
    await served(restored, async (url) => {
      const { operator } = castAt({ url, provider })
      const path = `/credentials/${revoked.credentialID}`
      t.equal((await operator.get(path)).body.status, 'active')
      t.equal((await operator.post(`${path}/revoke`, { reason: 'superseded' })).status, 200)
    })
  })

  await t.test('newer checkpoints show what the restored database has lost', async (t) => {
    renameSync(join(restored, 'audit'), join(folder, 'older-audit'))
    cpSync(join(original, 'audit'), join(restored, 'audit'), { recursive: true })
    const { code, said } = await audit(restored)
    t.equal(code, 1)
    t.match(said, /checkpoint-removed/)
    t.match(said, /chain-missing|tail-cut/)
  })

  await t.test('database and token of different installations do not start together', async (t) => {
    const mixed = join(folder, 'mixed')
    cpSync(restored, mixed, { recursive: true })
    for (const part of ['softhsm', 'audit']) rmSync(join(mixed, part), { recursive: true })
    await t.rejects(
      ServerProcess.start(mixed, env),
      /database and token belong to different installations/,
      'with an empty token'
    )
    rmSync(join(restored, 'pkcs11-pin'))
    await t.rejects(ServerProcess.start(restored, env), /the token refuses the PIN/, 'without the PIN')
  })
})
