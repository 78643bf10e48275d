import type { Test } from 'tap'
import type { AnnexClient, ListedSignature } from '../clients/annex.js'
import { digestOf } from '../clients/journey.js'
import { type AnnexStage, eventually, isSigned, newId } from './annex-stage.js'
import { openReceiver } from './receiver.js'

/** How the webhook of a dialect is asked for and what it says. */
export interface WebhookManners {
  /** Members of `sign` that name the address; none where it was registered with the provider. */
  ask: (address: string) => object
  /** What is posted. `signatures`: null where there are none. */
  told: (of: {
    spId: string
    transactionId: string
    state: 'signed' | 'rejected'
    docIds: readonly string[]
    signatures: ListedSignature[] | null
  }) => object
}

/** The outcome is posted to the relying party's registered address. */
export async function annexWebhook(t: Test, stage: AnnexStage, { ask, told }: WebhookManners): Promise<void> {
  const { cast, dialect, world } = stage
  const receiver = await openReceiver(t)
  const address = `${receiver.url}/ket-qua`
  const { client, clientId: spId } = await stage.register({ callbackUrls: [address] })
  const person = await stage.person()
  const docIds = ['doc-1', 'doc-2']
  const digests = [digestOf('báo 1'), digestOf('báo 2')]

  const begin = async (of: AnnexClient = client) => {
    const transactionId = newId()
    const answer = await of.sign(person.login, transactionId, of.files(digests), ask(address))
    t.equal(answer.status, 200, JSON.stringify(answer.body))
    return transactionId
  }
  /** This relying party's delivery number so and so, once it has so many attempts. */
  const delivered = (number: number, attempts: number) =>
    eventually(
      async () => {
        const { body } = await cast.operator.get<{ items: Delivery[] }>(`/deliveries?clientId=${spId}`)
        return body.items.at(-number) // latest first
      },
      (found) => (found?.attempts.length ?? 0) >= attempts
    )

  await t.test('what was signed is posted, and is what status answers', async (t) => {
    receiver.answers('/ket-qua', { body: {} })
    const transactionId = await begin()
    await stage.confirm(t, person)
    t.match(await delivered(1, 1), { status: 'delivered', url: address, attempts: [{ httpStatus: 200 }] })
    const [posted, ...more] = receiver.take()
    t.same(more, [])
    t.match(posted, { method: 'POST', headers: { 'content-type': /^application\/json/ } })
    t.equal(posted?.headers.authorization, undefined, 'nobody proves anything')
    const result = await client.outcome(transactionId, dialect.waits, { proved: true })
    const { cert_data: certificate } = await client.certificate(person.login)
    await isSigned(t, result, stage, { transactionId, docIds, digests, certificate, spId })
    const signatures = result.body.data?.signatures ?? null
    t.same(posted?.body, told({ spId, transactionId, state: 'signed', docIds, signatures }))
  })

  await t.test(
    'a refusal is told as well, again after 500 and a lost answer, in the same words',
    async (t) => {
      receiver.answers('/ket-qua', { status: 500, body: {} }, 'lost', { status: 204, body: {} })
      const transactionId = await begin()
      await stage.reject(t, person)
      for (const attempts of [1, 2]) {
        t.equal((await delivered(2, attempts))?.status, 'waiting')
        world.clock.advance(8_000)
      }
      const ended = await delivered(2, 3)
      t.equal(ended?.status, 'delivered')
      t.same(
        ended?.attempts.map(({ httpStatus }) => httpStatus),
        [500, null, 204]
      )
      const calls = receiver.take()
      const body = told({ spId, transactionId, state: 'rejected', docIds, signatures: null })
      t.same(
        calls.map((call) => call.body),
        [body, body, body]
      )
      t.equal(new Set(calls.map(({ headers }) => headers['x-kyso-delivery'])).size, 1)
    }
  )

  await t.test('nothing is posted once the address is no longer registered', async (t) => {
    receiver.answers('/ket-qua', { body: {} })
    const transactionId = await begin()
    const party = `/relying-parties/${dialect.provider}/${spId}`
    t.equal((await cast.operator.call('PATCH', party, { callbackUrls: [] })).status, 200)
    await stage.confirm(t, person)
    const result = await client.outcome(transactionId, dialect.waits, { proved: true })
    t.equal(result.body.message, dialect.messages.signed)
    t.match(await delivered(3, 1), { status: 'given-up', attempts: [{ httpStatus: null, detail: /\w/ }] })
    t.same(receiver.take(), [])
  })
}

interface Delivery {
  status: string
  url: string
  attempts: { httpStatus: number | null; detail: string | null }[]
}
