import { randomBytes } from 'node:crypto'
import t from 'tap'
import { v7 } from 'uuid'
import type { Activation } from '../../src/activation/activation.js'
import { createActivationStore } from '../../src/store/activations.js'
import type { Database } from '../../src/store/database.js'
import { createReservationStore } from '../../src/store/reservations.js'
import { startWorld } from '../audit/world.js'

const world = await startWorld(t)
const serverId = v7()
const limits = { perSubscriber: 10_000, perRelyingParty: 10_000 }

/** A person with a credential and a phone, as far as the statements of the signing path look at them. */
async function person(database: Database) {
  const [subscriberId, credentialId, deviceId] = [v7(), v7(), v7()]
  const at = new Date()
  const later = new Date(at.getTime() + 86_400_000)
  await database.query({
    text: `insert into subscribers (id, provider, login, full_name, national_id, created_at, version, seal)
           values ($1, 'vnpt', $1, 'Trần Thị Bình', '001088035895', $2, 1, $3)`,
    values: [subscriberId, at, randomBytes(32)]
  })
  await database.query({
    text: `insert into credentials (id, provider, subscriber_id, algorithm, status, serial_number, spki, certificate,
             wrapped_key, not_before, not_after, auth, scal, multisign, issued_at, version, seal)
           values ($1, 'vnpt', $2, 'RSA-2048', 'active', $1, $5, $5, $5, $3, $4, 'phone', '2', 100, $3, 1, $5)`,
    values: [credentialId, subscriberId, at, later, randomBytes(32)]
  })
  await database.query({
    text: `insert into devices (id, provider, subscriber_id, name, platform, spki, virtual, created_at, version, seal)
           values ($1, 'vnpt', $2, 'phone', 'test', $4, false, $3, 1, $4)`,
    values: [deviceId, subscriberId, at, randomBytes(91)]
  })
  return { subscriberId, credentialId, deviceId }
}

type Person = Awaited<ReturnType<typeof person>>

function waiting({ subscriberId, credentialId }: Person, count: number): Activation {
  const at = new Date()
  return {
    id: v7({ msecs: at.getTime() }),
    provider: 'vnpt',
    clientId: 'dvctt',
    subscriberId,
    credentialId,
    kind: 'digests',
    status: 'waiting',
    relyingPartyName: 'Cổng dịch vụ công trực tuyến Kho bạc Nhà nước',
    hash: 'SHA-256',
    numSignatures: count,
    digests: Array.from({ length: count }, () => randomBytes(32)),
    documentNames: Array.from({ length: count }, (_, index) => `Giấy rút dự toán ngân sách ${index + 1}.pdf`),
    description: 'Ký hồ sơ thanh toán',
    validUntil: null,
    nonce: randomBytes(32).toString('base64url'),
    createdAt: at,
    expiresAt: new Date(at.getTime() + 300_000),
    confirmedAt: null,
    endedAt: null,
    endedReason: null,
    occurrences: '0'.repeat(count)
  }
}

/** The statements of one approval, each as the middle floor has it made. */
function pathOf(database: Database, owner: Person) {
  const activations = createActivationStore(database)
  const reservations = createReservationStore(database)
  return {
    open: (activation: Activation) => activations.open(activation, limits),
    confirm: ({ id }: Activation) =>
      activations.confirm({
        activationId: id,
        confirmation: {
          deviceId: owner.deviceId,
          token: randomBytes(400).toString('base64url'),
          confirmedAt: new Date()
        },
        jti: v7(),
        rememberUntil: new Date(Date.now() + 120_000)
      }),
    setSad: ({ id }: Activation) =>
      activations.setSad({
        activationId: id,
        sadSha256: Buffer.alloc(32, id),
        sadExpiresAt: new Date(Date.now() + 300_000)
      }),
    async sign({ id, numSignatures }: Activation) {
      const reservation = {
        id: v7(),
        activationId: id,
        sadSha256: Buffer.alloc(32, id),
        provider: 'vnpt',
        clientId: 'dvctt',
        credentialId: owner.credentialId,
        credentialVersion: 1,
        mask: '1'.repeat(numSignatures),
        positions: Array.from({ length: numSignatures }, (_, index) => index),
        scheme: 'pkcs1/SHA-256',
        serverId,
        now: new Date()
      }
      const taken = await reservations.reserve(reservation)
      const finished = await reservations.finish({
        id: reservation.id,
        activationId: id,
        outcome: 'signed',
        signatures: reservation.positions.map(() => randomBytes(256)),
        returned: null,
        detail: null,
        now: new Date()
      })
      return taken && finished
    }
  }
}

/** Changes of rows, and how many of them wrote to no index. Connections tell of theirs when they end, at the latest. */
async function changes(database: Database, table: string) {
  const { rows } = await database.query<{ all: number; hot: number }>({
    text: `select sum(n_tup_upd)::integer as all, sum(n_tup_hot_upd)::integer as hot
             from pg_stat_user_tables where relname like $1`,
    values: [`${table}%`]
  })
  return rows[0] ?? { all: 0, hot: 0 }
}

const inLanes = async <T>(items: readonly T[], work: (item: T) => Promise<unknown>) => {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    })
  )
}

const approvals = 150
const ways = ['one approval after the other', 'all asked first, then all confirmed, then all signed'] as const

t.test('confirming, the SAD, reserving and finishing are heap-only changes:', async (t) => {
  for (const [count, way] of [1, 20].flatMap((count) => ways.map((way) => [count, way] as const))) {
    await t.test(`${count} digests, ${way}`, async (t) => {
      const name = await world.make()
      const database = await world.open(t, name)
      const owner = await person(database)
      const { open, confirm, setSad, sign } = pathOf(database, owner)
      const all = Array.from({ length: approvals }, () => waiting(owner, count))
      const steps = [open, confirm, setSad, sign]
      if (way === ways[0]) {
        await inLanes(all, async (activation) => {
          for (const step of steps) await holds(step(activation))
        })
      } else for (const step of steps) await inLanes(all, (activation) => holds(step(activation)))
      await database.close()
      const judge = await world.open(t, name)
      // A page that is full when many change at once may let one go.
      const enough = 0.9
      for (const [table, all] of [
        ['activations', 3 * approvals] as const,
        ['reservations', approvals] as const
      ]) {
        let told = await changes(judge, table)
        while (told.all < all) told = await changes(judge, table)
        t.equal(told.all, all)
        t.ok(told.hot > enough * all, `${table}: ${told.hot} of ${all}`)
      }
      await judge.close()
    })
  }
})

async function holds(step: Promise<boolean | string>): Promise<void> {
  const answer = await step
  if (answer !== true && answer !== 'opened') throw new Error(`a step was answered ${answer}`)
}
