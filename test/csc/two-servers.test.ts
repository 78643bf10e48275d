import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { castAt, digestOf } from '../clients/journey.js'
import { ecdsaSha256Oid, Portal } from '../clients/portal.js'
import { startSecond } from '../clients/second-server.js'
import { startWorld } from '../world.js'

t.setTimeout(300_000)

/** What one server has acknowledged holds at the other within this time. */
const soonMs = 1_000

t.test('two servers on one database and one token are one service', async (t) => {
  const world = await startWorld(t)
  const there = await startSecond(t, world)
  const provider = 'vnpt'
  const here = castAt({ url: world.url, provider, now: world.clock.now })
  const portalThere = new Portal({ url: there.url, provider })
  await portalThere.token()
  const digest = digestOf('hồ sơ')

  await t.test('asked and confirmed here, checked and signed there', async (t) => {
    const person = await here.enrol()
    const { body } = await here.portal.authorize(person.credentialID, [digest])
    t.equal((await portalThere.check(body.handle)).status, 202)
    t.equal((await person.device.confirm(await person.device.challenge(body.handle))).status, 200)
    const checked = await portalThere.check(body.handle)
    t.equal(checked.status, 200, 'at once')
    const { SAD } = checked.body
    t.equal((await portalThere.sign(person.credentialID, SAD, [digest], ecdsaSha256Oid)).status, 200)
    t.equal((await here.portal.sign(person.credentialID, SAD, [digest], ecdsaSha256Oid)).status, 400, 'once')
  })

  await t.test('asked there, confirmed here', async (t) => {
    const person = await here.enrol()
    const { body } = await portalThere.authorize(person.credentialID, [digest])
    await person.device.confirm(await person.device.challenge(body.handle))
    const { status, body: given } = await here.portal.check(body.handle)
    t.equal(status, 200)
    t.equal((await portalThere.sign(person.credentialID, given.SAD, [digest], ecdsaSha256Oid)).status, 200)
  })

  await t.test('a revocation, a suspension and a removal are honoured there', async (t) => {
    for (const end of ['revoke', 'suspend', 'removal'] as const) {
      const person = await here.enrol()
      const { sad } = await here.approve(person, [digest])
      // So that it is remembered there.
      await portalThere.call('credentials/info', { credentialID: person.credentialID })
      if (end === 'removal') await here.operator.call('DELETE', `/devices/${person.device.id}`)
      else await here.operator.post(`/credentials/${person.credentialID}/${end}`)
      const answer = await portalThere.sign(person.credentialID, sad, [digest], ecdsaSha256Oid)
      t.equal(answer.status, 400, `${end}: nothing is signed any more, from the first moment`)
      if (end === 'removal') continue
      await sleep(soonMs)
      const { body } = await portalThere.call('credentials/info', { credentialID: person.credentialID })
      t.match(body, { key: { status: 'disabled' } }, `${end}: and everybody sees it`)
    }
  })

  await t.test('signatures made later here are fetched there', async (t) => {
    const person = await here.enrol()
    const { sad } = await here.approve(person, [digest])
    const started = await here.portal.sign(person.credentialID, sad, [digest], ecdsaSha256Oid, {
      operationMode: 'A'
    })
    const { responseID: requestID } = started.body as { responseID?: string }
    for (;;) {
      const { status, body } = await portalThere.call('signatures/signPolling', { requestID })
      if (status === 202) continue
      t.match(body, { signatures: [/./] })
      break
    }
  })
})
