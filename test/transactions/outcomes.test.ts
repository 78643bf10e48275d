import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { createActivationStore } from '../../src/store/activations.js'
import { createTransactionStore } from '../../src/store/transactions.js'
import type { TransactionOutcome } from '../../src/transactions/transaction.js'
import { startWorld } from '../audit/world.js'
import { person, waiting } from '../store/approvals.js'

const world = await startWorld(t)
const limits = { perSubscriber: 1_000, perRelyingParty: 1_000 }
const outcomes: readonly TransactionOutcome[] = ['signed', 'rejected', 'expired', 'cancelled', 'failed']

t.test('whatever servers make of it at once, a transaction', async (t) => {
  const name = await world.make()
  const databases = await Promise.all([world.open(t, name), world.open(t, name)])
  const [first] = databases
  const owner = await person(first)
  const stores = databases.map((database) => createTransactionStore(database))
  const at = new Date()

  /** An activation with its transaction, rejected: it waits to be taken up. */
  async function rejected(): Promise<string> {
    const activation = waiting(owner, 1, at)
    const activations = createActivationStore(first)
    const request = {
      provider: activation.provider,
      clientId: activation.clientId,
      dialect: 'sp769',
      name: randomUUID(),
      requestId: randomUUID(),
      subscriberId: owner.subscriberId,
      credentialId: owner.credentialId,
      documents: [{ id: 'D1', name: 'D1', digest: activation.digests[0] ?? randomBytes(32) }],
      description: '',
      callbackUrl: 'https://portal.example.vn/done',
      details: {}
    }
    const written = { id: activation.id, request, requestSha256: randomBytes(32), createdAt: at }
    await activations.open(activation, limits, async (transaction) => {
      t.ok(await stores[0]?.insert(transaction, written))
    })
    t.ok(await activations.reject({ activationId: activation.id, reason: null, now: at }))
    return activation.id
  }

  await t.test('has one outcome, the first, and one delivery', async (t) => {
    const id = await rejected()
    const endings = stores.flatMap((store) => outcomes.map((outcome) => ({ store, outcome })))
    const recorded = await Promise.all(
      endings.map(({ store, outcome }) =>
        store.finish({ id, outcome, reason: outcome, signatures: null, endedAt: at })
      )
    )
    t.equal(recorded.filter((mine) => mine).length, 1)
    const { outcome } = endings[recorded.indexOf(true)] ?? {}
    t.equal((await stores[1]?.find(id))?.state, outcome)
    const { rows } = await first.query({
      text: 'select id from deliveries where transaction_id = $1',
      values: [id]
    })
    t.equal(rows.length, 1)
  })

  await t.test('is worked on by one server, until its time is over', async (t) => {
    const id = await rejected()
    const later = (seconds: number) => new Date(at.getTime() + seconds * 1_000)
    const claim = (from: number) =>
      Promise.all(stores.map((store) => store.claim(id, later(from), later(from + 15))))
    t.same((await claim(0)).sort(), [false, true])
    t.same(await claim(14), [false, false], 'the other one waits')
    t.same((await claim(15)).sort(), [false, true], 'and takes it up')
    await stores[0]?.finish({ id, outcome: 'rejected', reason: null, signatures: null, endedAt: at })
    t.same(await claim(60), [false, false], 'what has its outcome is left alone')
  })
})
