import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomUUID, verify, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { by, failure, startWorld } from '../enrolment/world.js'

t.setTimeout(300_000)
const world = await startWorld(t, 'token')
const { enrolment, directory, hsm } = world
const child = fileURLToPath(new URL(`../enrolment/crash-child${import.meta.url.slice(-3)}`, import.meta.url))

/** Runs a server process until it is dead; answers the credentials it acknowledged. */
async function run(
  keyStorage: 'wrapped' | 'token',
  subscriberId: string,
  dieAt: string,
  meanwhile: (process: ChildProcess, acknowledged: string[]) => void = () => undefined
): Promise<{ acknowledged: string[]; serverId: string; signal: string | null }> {
  const serverId = randomUUID()
  const options = JSON.stringify({ ...world.options, keyStorage, serverId })
  const running = spawn(process.execPath, [...process.execArgv, child, options, subscriberId, dieAt], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => void running.kill('SIGKILL'))
  const acknowledged: string[] = []
  let rest = ''
  running.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    acknowledged.push(...lines)
    meanwhile(running, acknowledged)
  })
  const [, signal] = (await once(running, 'close')) as [number | null, string | null]
  await until(() => world.stores.pendingKeys.makerIsGone(serverId))
  return { acknowledged, serverId, signal }
}

/** Every credential's key signs for its certificate, and every key in the token is somebody's. */
async function consistent(t: Pick<Test, 'ok' | 'same'>, subscriberId: string): Promise<string[]> {
  directory.forget('subscriber', subscriberId)
  const credentials = await directory.credentialsOf(subscriberId)
  const message = Buffer.from('still there')
  const digest = createHash('sha256').update(message).digest()
  for (const { id, key, certificate } of credentials) {
    const [result] = await hsm.keys.sign(key, { type: 'ecdsa', hash: 'SHA-256' }, [digest])
    const { publicKey } = new X509Certificate(certificate)
    t.ok(
      result?.outcome === 'signed' && verify('sha256', message, publicKey, result.signature),
      `key of ${id}`
    )
  }
  const stored = (await hsm.storedTokenKeyIds()).map((id) => Buffer.from(id).toString())
  const owned = await world.stores.pendingKeys.owned(stored)
  t.same(stored.sort(), owned.sort(), 'no orphan key')
  t.same((await world.sql('select id from pending_keys')).rows, [], 'nothing is pending')
  return credentials.map(({ id }) => id)
}

/** After each of them; what comes before one comes after the one before it. */
const steps = {
  wrapped: ['key', 'certificate', 'seal', 'audit', 'row'],
  token: ['note', 'key', 'certificate', 'seal', 'audit', 'row']
} as const

for (const keyStorage of ['wrapped', 'token'] as const) {
  t.test(`killed at any step of issuing with ${keyStorage} storage, nothing is left half done`, async (t) => {
    const { id } = await world.person()
    let expected = 0
    for (const step of steps[keyStorage]) {
      const { acknowledged, signal } = await run(keyStorage, id, step)
      t.equal(signal, 'SIGKILL', `died after ${step}`)
      t.same(acknowledged, [])
      await enrolment.recoverPendingKeys()
      if (step === 'row') expected += 1
      t.equal((await consistent(t, id)).length, expected)
      const { rows } = await world.sql(
        `select count(*)::integer as count from audit_events
          where type = 'credential.issued' and about->>'subscriberId' = $1`,
        [id]
      )
      t.match(rows[0], { count: expected }, 'and the audit has an event for each, no more and no fewer')
    }
  })
}

t.test('killed at any moment, what was acknowledged is there', async (t) => {
  const { id } = await world.person()
  const all: string[] = []
  for (const afterMs of [0, 3, 7]) {
    const { acknowledged } = await run('token', id, '', (process, done) => {
      if (done.length === 5) setTimeout(() => process.kill('SIGKILL'), afterMs)
    })
    all.push(...acknowledged)
    await enrolment.recoverPendingKeys()
    const there = new Set(await consistent(t, id))
    for (const one of all) t.ok(there.has(one), `${one} is there`)
  }
})

t.test('a key that another server is making is not an orphan', async (t) => {
  const { id } = await world.person()
  const { pendingKeys } = world.stores
  const living = randomUUID()
  await world.database.tryHold(`server:${living}`)
  const making = await hsm.keys.generate('being-made', 'P-256')
  await pendingKeys.add({ id: making.id, serverId: living, createdAt: world.now() })
  t.equal(await enrolment.recoverPendingKeys(), 0)
  t.ok((await hsm.storedTokenKeyIds()).some((one) => Buffer.from(one).toString() === making.id))

  world.pass(11 * 60_000)
  t.equal(await enrolment.recoverPendingKeys(), 1, 'unless it takes longer than any key takes')
  await consistent(t, id)
})

t.test('a key given up meanwhile becomes nobody’s', async (t) => {
  const { id } = await world.person()
  const { pki } = world.deps
  const { createEnrolment } = await import('../../src/enrolment/create.js')
  const slow = createEnrolment({
    ...world.deps,
    pki: {
      newSerialNumber: pki.newSerialNumber,
      async issue(request) {
        world.pass(11 * 60_000)
        await enrolment.recoverPendingKeys()
        return pki.issue(request)
      }
    }
  })
  t.equal((await failure(slow.issueCredential(id, { algorithm: 'P-256' }, by))).code, 'hsm_unavailable')
  t.same(await consistent(t, id), [])
  slow.close()
})

t.test('a failure while issuing leaves nothing', async (t) => {
  const { id } = await world.person()
  const credential = await enrolment.issueCredential(id, { algorithm: 'P-256' }, by)
  const { serialNumber } = credential
  const again = enrolment.issueCredential(id, { algorithm: 'P-256', serialNumber }, by)
  t.equal((await failure(again)).code, 'state_conflict')
  t.same(await consistent(t, id), [credential.id])
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not become so')
}
