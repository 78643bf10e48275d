import { randomBytes } from 'node:crypto'
import { v7 } from 'uuid'
import type { Activation } from '../../src/activation/activation.js'
import { createActivationStore } from '../../src/store/activations.js'
import type { Database } from '../../src/store/database.js'
import { type Months, wholeTables } from '../../src/store/months.js'
import { createReservationStore } from '../../src/store/reservations.js'

const serverId = v7()
const limits = { perSubscriber: 10_000, perRelyingParty: 10_000 }

/** A person with a credential and a phone, as far as the statements of the signing path look at them. */
export async function person(database: Database) {
  const [subscriberId, credentialId, deviceId] = [v7(), v7(), v7()]
  const at = new Date(0)
  const later = new Date(Date.UTC(2100, 0))
  await database.query({
    text: `insert into subscribers (id, provider, login, full_name, national_id, second_factor, created_at,
             version, seal)
           values ($1, 'vnpt', $1, 'Trần Thị Bình', '001088035895', 'none', $2, 1, $3)`,
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

export type Person = Awaited<ReturnType<typeof person>>

/** An activation that waits, made at a time. */
export function waiting({ subscriberId, credentialId }: Person, count: number, at = new Date()): Activation {
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
export function steps(database: Database, owner: Person, months: Months = wholeTables, at?: Date) {
  const activations = createActivationStore(database, months)
  const reservations = createReservationStore(database, months)
  const now = () => at ?? new Date()
  return {
    find: ({ id }: Activation) => activations.find(id),
    open: (activation: Activation) => activations.open(activation, limits),
    confirm: ({ id }: Activation) =>
      activations.confirm({
        activationId: id,
        confirmation: {
          deviceId: owner.deviceId,
          token: randomBytes(400).toString('base64url'),
          confirmedAt: now()
        },
        jti: v7(),
        rememberUntil: new Date(now().getTime() + 120_000),
        signCount: null
      }),
    setSad: ({ id }: Activation) =>
      activations.setSad({
        activationId: id,
        sadSha256: Buffer.alloc(32, id),
        sadExpiresAt: new Date(now().getTime() + 300_000),
        sadAudience: null
      }),
    async sign({ id, numSignatures }: Activation) {
      const reservation = {
        id: v7({ msecs: now().getTime() }),
        activationId: id,
        sadSha256: Buffer.alloc(32, id),
        provider: 'vnpt',
        clientId: 'dvctt',
        credentialId: owner.credentialId,
        credentialVersion: 1,
        usesSadUp: false,
        mask: '1'.repeat(numSignatures),
        positions: Array.from({ length: numSignatures }, (_, index) => index),
        scheme: 'pkcs1/SHA-256',
        serverId,
        now: now()
      }
      const taken = await reservations.reserve(reservation)
      const finished = await reservations.finish({
        id: reservation.id,
        activationId: id,
        outcome: 'signed',
        signatures: reservation.positions.map(() => randomBytes(256)),
        returned: null,
        detail: null,
        now: now()
      })
      return taken && finished
    }
  }
}
