import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { parse } from 'uuid'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { ecdsaSha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'

/** A SAD of an attacker's own making: the shape is no secret, and its hash can be written with SQL. */
function forgedSad(activationId: string): { sad: string; sha256: Buffer } {
  const sad = Buffer.concat([parse(activationId), randomBytes(32)]).toString('base64url')
  return { sad, sha256: createHash('sha256').update(sad).digest() }
}

t.test(
  'with SQL alone nobody turns a request into an approval, or an approval into another (I2, I11)',
  async (t) => {
    const world = await startWorld(t)
    const cast = castAt({ url: world.url, provider: 'vnpt', now: world.clock.now })
    const [digest, other] = [digestOf('tờ khai'), digestOf('giấy rút tiền')]
    const [victim, attacker] = [await cast.enrol(), await cast.enrol()]

    async function sql(text: string, values: unknown[]): Promise<void> {
      const client = new pg.Client(world.connection)
      await client.connect()
      await client.query(text, values)
      await client.end()
    }
    async function asked(person: Person): Promise<string> {
      return String((await cast.portal.authorize(person.credentialID, [digest])).body.handle)
    }
    async function confirmed(person: Person): Promise<string> {
      const handle = await asked(person)
      await person.device.confirm(await person.device.challenge(handle))
      return handle
    }
    const markConfirmed = `update activations set status = 'confirmed', confirmed_at = created_at where id = $1`
    const copyEvidence = `insert into confirmations (activation_id, device_id, token, confirmed_at)
                        select $1, device_id, token, confirmed_at from confirmations where activation_id = $2`

    const attacks: { name: string; person: Person; wanted: Buffer; make: () => Promise<string> }[] = [
      {
        name: 'a request marked as confirmed, without evidence',
        person: victim,
        wanted: digest,
        async make() {
          const handle = await asked(victim)
          await sql(markConfirmed, [handle])
          return handle
        }
      },
      {
        name: 'a request with the evidence of an earlier one of the same person',
        person: victim,
        wanted: digest,
        async make() {
          const [earlier, handle] = [await confirmed(victim), await asked(victim)]
          await sql(markConfirmed, [handle])
          await sql(copyEvidence, [handle, earlier])
          return handle
        }
      },
      {
        name: 'an approval whose digest was exchanged',
        person: victim,
        wanted: other,
        async make() {
          const handle = await confirmed(victim)
          await sql('update activations set digests = $2 where id = $1', [handle, other])
          return handle
        }
      },
      {
        name: 'one’s own approval pointed at another person’s credential',
        person: victim,
        wanted: digest,
        async make() {
          const handle = await confirmed(attacker)
          await sql('update activations set credential_id = $2, subscriber_id = $3 where id = $1', [
            handle,
            victim.credentialID,
            victim.id
          ])
          return handle
        }
      }
    ]
    for (const { name, person, wanted, make } of attacks) {
      await t.test(name, async (t) => {
        const handle = await make()
        await world.restart() // what this process saw confirmed is forgotten, as on any other server
        const check = await cast.portal.check(handle)
        t.match(check, { status: 500, body: { error: 'server_error' } })
        t.notOk(check.body.SAD)
        const { sad, sha256 } = forgedSad(handle)
        const expiresAt = new Date(world.clock.now().getTime() + 60_000)
        await sql('update activations set sad_sha256 = $2, sad_expires_at = $3 where id = $1', [
          handle,
          sha256,
          expiresAt
        ])
        const signed = await cast.portal.sign(person.credentialID, sad, [wanted], ecdsaSha256Oid)
        t.match(signed, { status: 500, body: { error: 'server_error' } })
        t.notOk(signed.body.signatures)
        const { body } = await cast.operator.get<{
          items: { type: string; about: { id?: string; code?: string } }[]
        }>(`/audit?limit=200`)
        t.ok(
          body.items.some(({ type, about }) => type === 'integrity.broken' && about.id === handle),
          'the audit names the row'
        )
      })
    }

    await t.test('the same steps without SQL sign, so that it was the SQL that was refused', async (t) => {
      const handle = await confirmed(victim)
      await world.restart()
      const { body } = await cast.portal.check(handle)
      t.equal((await cast.portal.sign(victim.credentialID, body.SAD, [digest], ecdsaSha256Oid)).status, 200)
    })
  }
)
