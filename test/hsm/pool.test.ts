import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import pkcs11 from 'pkcs11js'
import t from 'tap'
import { createPool, type Pool } from '../../src/hsm/pool.js'
import type { KeyReference, WorkerSetup } from '../../src/hsm/protocol.js'
import { prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { initialiseToken } from '../../src/hsm/token.js'
import {
  ending,
  eventually,
  messages,
  modulePath,
  open,
  pin,
  rawAccess,
  signatureIn,
  startChild,
  temporaryFolder,
  tokenLabel,
  verifies
} from './world.js'

const ecdsa = { type: 'ecdsa', hash: 'SHA-256' } as const
const pkcs1 = { type: 'pkcs1', hash: 'SHA-256' } as const

const quiet = { log: () => undefined, onTrouble: () => undefined }

/** How often each ending occurs. */
function tally(endings: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of endings) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

t.test('a full queue is refused at once, and what was taken is signed', async (t) => {
  const hsm = await open(t, temporaryFolder(t), { queueLimit: 100 })
  const key = await hsm.keys.generate('k', 'RSA-2048')
  const calls = Array.from({ length: 30 }, () => hsm.keys.sign(key, pkcs1, messages(10).digests))
  t.equal(hsm.stats().queued, 100)
  t.ok(hsm.keys.backlogMs() > 0, 'what it has been given is its backlog')
  const whole = (await Promise.all(calls)).map((results) => tally(results.map(ending)))
  t.same(whole.slice(0, 10), Array(10).fill({ signed: 10 }))
  t.same(whole.slice(10), Array(20).fill({ 'refused busy': 10 }), 'a call is taken whole or not at all')
  t.same(tally((await hsm.keys.sign(key, pkcs1, messages(101).digests)).map(ending)), { 'refused busy': 101 })
  t.equal(
    (await hsm.keys.sign(key, pkcs1, messages(100).digests)).map(ending).includes('refused busy'),
    false
  )
  t.match(hsm.stats(), { signatures: 200, refused: 301, uncertain: 0, queued: 0 })
  t.equal(hsm.keys.backlogMs(), 0, 'and nothing is left of it, whatever was refused')
})

t.test('CAs and audit find a place in a full queue, and take none from those who sign', async (t) => {
  const hsm = await open(t, temporaryFolder(t), { queueLimit: 100 })
  const key = await hsm.keys.generate('k', 'P-256')
  const installation = await hsm.tokenKey('audit', 'P-256')
  const sign = () =>
    installation.sign(ecdsa, messages(1).digests[0] ?? new Uint8Array(), 'der').then(
      () => 'signed',
      (error: { code?: string }) => String(error.code)
    )
  const full = hsm.keys.sign(key, ecdsa, messages(100).digests)
  t.equal(hsm.stats().queued, 100)
  const crowd = Array.from({ length: 70 }, sign)
  t.equal(hsm.stats().queued, 164)
  t.same(tally(await Promise.all(crowd)), { signed: 64, hsm_busy: 6 })
  t.same(tally((await full).map(ending)), { signed: 100 })

  const again = Array.from({ length: 64 }, sign)
  const meanwhile = hsm.keys.sign(key, ecdsa, messages(100).digests)
  t.same(tally((await meanwhile).map(ending)), { signed: 100 })
  t.same(tally(await Promise.all(again)), { signed: 64 })
  t.equal(hsm.stats().queued, 0)
})

t.test('one busy key is worked on by every worker; quiet keys stay where they are loaded', async (t) => {
  const hsm = await open(t, temporaryFolder(t), { workers: 2 })
  const busy = await hsm.keys.generate('busy', 'RSA-2048')
  await Promise.all(Array.from({ length: 60 }, () => hsm.keys.sign(busy, pkcs1, messages(1).digests)))
  t.equal(hsm.stats().keyLoads, 2)
  const quietKeys = await Promise.all(
    Array.from({ length: 10 }, (_, i) => hsm.keys.generate(`q${i}`, 'P-256'))
  )
  for (let round = 0; round < 5; round += 1) {
    for (const key of quietKeys) await hsm.keys.sign(key, ecdsa, messages(1).digests)
  }
  t.equal(hsm.stats().keyLoads, 12)
})

t.test('a batch keeps order over keys, schemes and hashes', async (t) => {
  const hsm = await open(t, temporaryFolder(t))
  const [ec, p384, rsa] = await Promise.all([
    hsm.keys.generate('a', 'P-256'),
    hsm.keys.generate('b', 'P-384'),
    hsm.keys.generate('c', 'RSA-2048')
  ])
  const calls = Array.from({ length: 60 }, async (_, i) => {
    const hash = (['SHA-256', 'SHA-384', 'SHA-512'] as const)[i % 3] ?? 'SHA-256'
    const { texts, digests } = messages(1 + (i % 7), hash)
    const key = [ec, p384, rsa][i % 4 === 3 ? 2 : i % 2] ?? ec
    const scheme = { type: key === rsa ? 'pkcs1' : 'ecdsa', hash } as const
    const results = await hsm.keys.sign(key, scheme, digests)
    return texts.every((text, j) => verifies(key.spki, scheme, text, signatureIn(results[j])))
  })
  t.notOk((await Promise.all(calls)).includes(false))
})

t.test('a worker that ends by itself is replaced, and its work settled as far as it went', async (t) => {
  /** Plays a worker that hands `handed` digests of its first batch to C_Sign and dies. */
  const dying = (handed: number) => (progress: Int32Array) =>
    new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
       parentPort.on('message', (message) => {
         if (message.type === 'stop') return parentPort.close()
         workerData[1] = ${handed}
         workerData[0] = ${handed} > 0 ? message.seq : 0
         throw new Error('as if the thread had died')
       })
       parentPort.postMessage({ type: 'ready' })`,
      { eval: true, workerData: progress }
    )
  const reference: KeyReference = {
    name: 'x',
    algorithm: 'P-256',
    spki: new Uint8Array(),
    source: { type: 'wrapped', blob: new Uint8Array() }
  }
  const withPool = async (spawn: (progress: Int32Array) => Worker, work: (pool: Pool) => Promise<void>) => {
    const pool = createPool({ spawn, workers: 1, keysPerWorker: 10, queueLimit: 1000, ...quiet })
    await pool.start()
    await work(pool).finally(() => pool.stop())
  }
  await withPool(dying(5), async (pool) => {
    // Three batches: the first half worked off, the second sent along, the third still waiting.
    const results = await pool.sign(reference, ecdsa, messages(80).digests)
    t.same(tally(results.map(ending)), { uncertain: 5, 'refused unavailable': 75 })
    t.ok(results.slice(0, 5).every((result) => result.outcome === 'uncertain'))
    t.equal(pool.stats().workersReplaced, 1)
    t.equal(pool.backlogMs(), 0, 'what was lost is owed no longer')
  })
  await withPool(dying(0), async (pool) => {
    const results = await pool.sign(reference, ecdsa, messages(3).digests)
    t.same(tally(results.map(ending)), { 'refused unavailable': 3 })
    await eventually(async () => {
      const again = await pool.sign(reference, ecdsa, messages(1).digests)
      if (!/ended before it came/.test(again[0]?.outcome === 'refused' ? again[0].detail : ''))
        throw new Error('not yet')
    })
  })
  await t.rejects(
    withPool(
      () =>
        new Worker(
          `require('node:worker_threads').parentPort.postMessage({ type: 'failed', detail: 'no token' })`,
          { eval: true }
        ),
      async () => undefined
    ),
    { message: /no token/ }
  )

  await t.test('with a real token', async (t) => {
    const hsm = await open(t, temporaryFolder(t))
    const stored = await hsm.keys.generate('k', 'P-256')
    const key: KeyReference = {
      ...stored,
      name: 'k',
      source: { type: 'wrapped', blob: stored.wrapped ?? new Uint8Array() }
    }
    const workers: Worker[] = []
    const pool = createPool({
      spawn: (progress) => {
        const workerData: WorkerSetup = { modulePath, tokenLabel, pin, keyCacheSize: 10, progress }
        const worker = new Worker(new URL('../../src/hsm/worker.js', import.meta.url), {
          execArgv: [],
          workerData
        })
        workers.push(worker)
        return worker
      },
      workers: 2,
      keysPerWorker: 10,
      queueLimit: 4096,
      ...quiet
    })
    t.teardown(() => pool.stop())
    await pool.start()
    let signed = 0
    for (let round = 0; round < 3; round += 1) {
      const calls = Array.from({ length: 100 }, () => pool.sign(key, ecdsa, messages(5).digests))
      for (const worker of workers.slice(-1)) worker.postMessage({ type: 'nonsense' }) // it dies of it
      const endings = tally((await Promise.all(calls)).flat().map(ending))
      t.notOk(endings.uncertain, 'a worker dies between batches, so that it is known what was signed')
      signed += endings.signed ?? 0
      await eventually(async () => {
        const results = await Promise.all(
          Array.from({ length: 20 }, () => pool.sign(key, ecdsa, messages(1).digests))
        )
        if (results.flat().some((result) => result.outcome !== 'signed')) throw new Error('not yet')
      })
      await eventually(async () => {
        if (workers.length < 3 + round) throw new Error('not yet')
      })
    }
    t.ok(signed > 0)
    t.equal(pool.stats().workersReplaced, 3)
    await pool.stop()
    t.equal(ending((await pool.sign(key, ecdsa, messages(1).digests))[0]), 'refused unavailable')
    t.equal(
      ending((await hsm.keys.sign(stored, ecdsa, messages(1).digests))[0]),
      'signed',
      'the other pool works on'
    )
  })
})

t.test('a token that a killed process left without its SO PIN is made anew', async (t) => {
  const folder = temporaryFolder(t)
  // What SoftHSM shows of such a token: it refuses the SO PIN, and has no user PIN.
  useSoftHsm(prepareSoftHsm(folder).confPath)
  const lib = new pkcs11.PKCS11()
  lib.load(modulePath)
  lib.C_Initialize()
  initialiseToken(lib, tokenLabel, '87654321')
  lib.C_Finalize()
  lib.close()

  const hsm = await open(t, folder)
  const key = await hsm.keys.generate('k', 'P-256')
  t.same((await hsm.keys.sign(key, ecdsa, messages(1).digests)).map(ending), ['signed'])
  t.equal(readdirSync(join(folder, 'tokens')).length, 1)
})

t.test('three processes that start first at once, and one that was killed, make each key once', async (t) => {
  const folder = temporaryFolder(t)
  for (const delayMs of [120, 160, 200, 240, 280]) {
    const killed = startChild(folder, 'open')
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    killed.kill()
    await killed.ended
  }
  const ends = await Promise.all([1, 2, 3].map(() => startChild(folder, 'open').ended))
  for (const { status, errors } of ends) t.equal(status, 0, errors)
  t.equal(new Set(ends.map(({ output }) => output)).size, 1, 'all found the same authority')

  const hsm = await open(t, folder, { soPin: null })
  t.same(hsm.notices, [])
  const { lib, session, find } = rawAccess()
  // By name: what a process was killed over may remain, but has none, and nobody finds it.
  const count = (...values: number[]) =>
    find(
      ...values.map((value, i) => ({ type: [pkcs11.CKA_CLASS, pkcs11.CKA_KEY_TYPE][i] ?? 0, value }))
    ).filter(
      (handle) => lib.C_GetAttributeValue(session, handle, [{ type: pkcs11.CKA_LABEL }])[0]?.value?.length
    ).length
  t.equal(count(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES), 2, 'one master key and one encryption key')
  t.equal(count(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_GENERIC_SECRET), 1)
  t.equal(count(pkcs11.CKO_PRIVATE_KEY), 1)
  t.equal(count(pkcs11.CKO_PUBLIC_KEY), 1)
  lib.C_CloseSession(session)
})

t.test('twenty processes that sign and end crash never', async (t) => {
  const folder = temporaryFolder(t)
  const first = await startChild(folder, 'open').ended
  t.equal(first.status, 0, first.errors)
  for (let round = 0; round < 5; round += 1) {
    const ends = await Promise.all([1, 2, 3, 4].map(() => startChild(folder, 'sign').ended))
    t.same(
      ends.map(({ status, signal, output }) => ({ status, signal, output })),
      Array(4).fill({ status: 0, signal: null, output: first.output })
    )
  }
})
