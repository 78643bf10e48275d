import type { Test } from 'tap'
import { type Cast, digestOf, type Person } from '../clients/journey.js'
import { signatureOf } from '../clients/viettel.js'
import type { World } from '../world.js'
import { verifies } from './openssl.js'
import { openReceiver } from './receiver.js'
import { eventually, party } from './viettel-stage.js'

interface Hook {
  meta_data: { request_id: string; transaction_id: string; description: string; status: string }
  data: {
    action_timestamp: string
    signature_timestamp: string | null
    results: { document_id: string; signature: string }[]
  }
}

/** async 3: a token from the relying party, then the outcome under it, until it is acknowledged. */
export async function webhook(
  t: Test,
  { world, stage, person }: { world: World; stage: Cast; person: Person }
): Promise<void> {
  const { operator } = stage
  const receiver = await openReceiver(t)
  const { client, clientId } = await party(stage, world.url, {
    callbackUrls: [`${receiver.url}/ket-qua`],
    callbackAuthUrl: `${receiver.url}/xac-thuc`,
    callbackAuthSecret: 'bí mật của cổng'
  })
  const token = await client.tokenFor(person.login)
  const { credential_id, cert } = await client.credential(token, person.login)
  const leaf = Buffer.from(cert.certificates[0] ?? '', 'base64')
  const thanks = { status_code: '00', message: 'Thành công' }
  const handsOut = {
    ...thanks,
    data: { access_token: 'the-token', expires_in: 3600, consented_on: 1_795_000_000 }
  }
  const ask = async (digests: readonly Uint8Array[]) => {
    const { body } = await client.sign(token, client.signFields(credential_id, digests, { async: 3 }))
    return String(body.transactionId)
  }
  const delivery = async (transactionId: string) => {
    const { body } = await operator.get<{
      items: { status: string; attempts: { httpStatus: number | null }[] }[]
    }>(`/deliveries?transactionId=${transactionId}`)
    return body.items[0]
  }
  const attempted = (id: string, count: number) =>
    eventually(async () => {
      const found = await delivery(id)
      return (found?.attempts.length ?? 0) >= count ? found : undefined
    })

  await t.test('the webhook is told under a token that the relying party hands out', async (t) => {
    receiver.answers('/xac-thuc', { body: handsOut })
    receiver.answers('/ket-qua', { body: thanks })
    const digests = [digestOf('báo 1'), digestOf('báo 2')]
    const id = await ask(digests)
    await person.device.confirm(await person.device.challenge(id))
    t.match(await attempted(id, 1), { status: 'delivered', attempts: [{ httpStatus: 200 }] })

    const [fetched, posted, ...more] = receiver.take()
    t.same(more, [])
    t.match(fetched, { method: 'GET', path: '/xac-thuc' })
    t.same(fetched?.query, {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: 'bí mật của cổng'
    })
    t.match(posted, { method: 'POST', path: '/ket-qua', headers: { authorization: 'Bearer the-token' } })
    const { meta_data, data, ...rest } = (posted?.body ?? {}) as Hook
    t.same(rest, {})
    t.match(meta_data.request_id, new RegExp(`^VIETTEL_${id}_[0-9]{13}$`))
    t.same(
      { ...meta_data, request_id: '' },
      { request_id: '', transaction_id: id, description: 'Ký thành công', status: '1' }
    )
    t.match(data.action_timestamp, /^[0-9]{14}\+0000$/)
    t.equal(data.signature_timestamp, data.action_timestamp)
    t.same(
      data.results.map(({ document_id }) => document_id),
      ['doc-1', 'doc-2']
    )
    for (const [index, digest] of digests.entries())
      t.ok(await verifies(leaf, digest, signatureOf(data.results[index]?.signature)))
    t.equal((await client.ended(token, id)).body.status, '1', 'and who asks is told as well')
  })

  await t.test('it is told of a refusal, without signatures', async (t) => {
    receiver.answers('/xac-thuc', { body: handsOut })
    receiver.answers('/ket-qua', { body: thanks })
    const id = await ask([digestOf('báo từ chối')])
    await person.device.reject(id)
    await attempted(id, 1)
    const [, posted] = receiver.take()
    t.match(posted?.body, {
      meta_data: { transaction_id: id, description: 'Người dùng từ chối ký', status: '4002' },
      data: { signature_timestamp: null, results: [] }
    })
  })

  await t.test(
    'it is told again after 500, silence, a lost answer and one that does not say 00',
    async (t) => {
      receiver.answers(
        '/xac-thuc',
        { status: 500, body: {} },
        { body: { ...handsOut, status_code: '01' } },
        { body: handsOut }
      )
      receiver.answers(
        '/ket-qua',
        { status: 500, body: {} },
        { body: { status_code: '01' } },
        'lost',
        'silent',
        { body: thanks }
      )
      const id = await ask([digestOf('báo lại')])
      await person.device.confirm(await person.device.challenge(id))
      const pausesMs = [3_000, 7_000, 20_000, 80_000, 400_000, 1_200_000]
      for (const [index, pauseMs] of pausesMs.entries()) {
        t.equal((await attempted(id, index + 1)).status, 'waiting')
        world.clock.advance(pauseMs)
      }
      const { status, attempts } = await attempted(id, 7)
      t.equal(status, 'delivered')
      t.same(
        attempts.map(({ httpStatus }) => httpStatus),
        [500, 200, 500, 200, null, null, 200]
      )
      const bodies = receiver
        .take()
        .filter(({ path }) => path === '/ket-qua')
        .map(({ body }) => JSON.stringify(body))
      t.equal(bodies.length, 5)
      t.equal(new Set(bodies).size, 1, 'in the same words every time')
    }
  )
}
