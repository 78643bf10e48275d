import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { v7 } from 'uuid'
import type { Activation } from '../../src/activation/activation.js'
import { challengeOf } from '../../src/activation/challenge.js'
import type { AuditEvent } from '../../src/audit/audit.js'
import { hashes } from '../../src/hsm/hashes.js'
import type { Database } from '../../src/store/database.js'

const publicUrl = 'https://kyso.example'
const base64 = (octets: Uint8Array) => Buffer.from(octets).toString('base64')

/** A registered phone, with the key that a test signs by. */
export interface Phone {
  id: string
  provider: string
  subscriberId: string
  privateKey: KeyObject
  /** Tells that it was enrolled. */
  enrolled: AuditEvent
}

export async function enrolPhone(database: Database, provider: string): Promise<Phone> {
  const subscriberId = v7()
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = v7()
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const enrolled: AuditEvent = {
    type: 'device.enrolled',
    actor: `device:${id}`,
    about: { deviceId: id, subscriberId, provider, virtual: false, spki: base64(spki) }
  }
  await database.query({
    text: `insert into subscribers (id, provider, login, full_name, national_id, second_factor, created_at, version, seal)
           values ($1, $2, $1, 'Nguyễn Văn An', '036081001234', 'none', now(), 1, $3)`,
    values: [subscriberId, provider, randomBytes(32)]
  })
  await database.query({
    text: `insert into devices (id, provider, subscriber_id, name, platform, spki, virtual, created_at, version, seal)
           values ($1, $2, $3, 'phone', 'test', $4, false, now(), 1, $5)`,
    values: [id, provider, subscriberId, spki, randomBytes(32)]
  })
  return { id, provider, subscriberId, privateKey, enrolled }
}

/** Stores an activation that `phone` confirmed, and answers the two events that tell of it. */
export async function confirmAndSign(
  database: Database,
  phone: Phone,
  count: number,
  time?: Date
): Promise<AuditEvent[]> {
  const at = time ?? new Date(Date.UTC(2026, 0, 5, 8))
  const seconds = Math.floor(at.getTime() / 1000)
  const digests = Array.from({ length: count }, () => randomBytes(32))
  const activation: Activation = {
    id: v7(time && { msecs: time.getTime() }),
    provider: phone.provider,
    clientId: 'dvctt',
    subscriberId: phone.subscriberId,
    credentialId: v7(),
    kind: 'digests',
    status: 'spent',
    relyingPartyName: 'Kho bạc',
    hash: 'SHA-256',
    numSignatures: count,
    digests,
    documentNames: digests.map((_, index) => `Tờ khai ${index + 1}`),
    description: 'Giấy nộp tiền',
    validUntil: null,
    nonce: base64(randomBytes(16)),
    createdAt: at,
    expiresAt: new Date(at.getTime() + 300_000),
    confirmedAt: at,
    endedAt: at,
    endedReason: null,
    occurrences: '1'.repeat(count)
  }
  await insertActivation(database, activation)
  const challenge = challengeOf(activation, publicUrl)
  const jti = v7()
  const token = await new SignJWT({
    challenge: activation.id,
    nonce: activation.nonce,
    display: challenge.displayHash,
    amr: ['hwk', 'face']
  })
    .setProtectedHeader({ alg: 'ES256', kid: phone.id, typ: 'biometric-challenge+jwt' })
    .setIssuer(phone.id)
    .setSubject(phone.subscriberId)
    .setAudience(challenge.audience)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 60)
    .setJti(jti)
    .sign(phone.privateKey)
  await database.query({
    text: 'insert into confirmations (activation_id, device_id, token, confirmed_at) values ($1, $2, $3, $4)',
    values: [activation.id, phone.id, token, at]
  })
  return [
    {
      type: 'activation.confirmed',
      actor: `device:${phone.id}`,
      about: {
        activationId: activation.id,
        subscriberId: phone.subscriberId,
        displayHash: challenge.displayHash,
        jti
      }
    },
    {
      type: 'signature.made',
      actor: `relying-party:${phone.provider}/dvctt`,
      about: {
        activationId: activation.id,
        reservationId: v7(),
        provider: phone.provider,
        clientId: 'dvctt',
        credentialID: activation.credentialId,
        scheme: 'ecdsa/SHA-256',
        digests: digests.map(base64),
        signaturesSha256: digests.map((digest) => createHash('sha256').update(digest).digest('base64'))
      }
    }
  ]
}

/** An attacker with SQL gives a device another key, and signs by it whatever the old one had confirmed. */
export async function replaceDeviceKey(database: Database): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await database.query({
    text: 'update devices set spki = $1 where id in (select device_id from confirmations)',
    values: [publicKey.export({ format: 'der', type: 'spki' })]
  })
  const { rows } = await database.query<{ activation_id: string; token: string }>({
    text: 'select activation_id, token from confirmations'
  })
  for (const { activation_id: id, token } of rows) {
    const header = decodeProtectedHeader(token)
    const forged = await new SignJWT(decodeJwt(token))
      .setProtectedHeader({ ...header, alg: 'ES256' })
      .sign(privateKey)
    await database.query({
      text: 'update confirmations set token = $2 where activation_id = $1',
      values: [id, forged]
    })
  }
}

async function insertActivation(database: Database, activation: Activation): Promise<void> {
  await database.query({
    text: `insert into activations (id, provider, client_id, subscriber_id, credential_id, kind, status,
             relying_party_name, hash_algorithm_oid, num_signatures, digests, document_names, description, nonce,
             created_at, expires_at, confirmed_at, ended_at, occurrences)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
    values: [
      activation.id,
      activation.provider,
      activation.clientId,
      activation.subscriberId,
      activation.credentialId,
      activation.kind,
      activation.status,
      activation.relyingPartyName,
      activation.hash === null ? null : hashes[activation.hash].oid,
      activation.numSignatures,
      Buffer.concat(activation.digests),
      activation.documentNames,
      activation.description,
      activation.nonce,
      activation.createdAt,
      activation.expiresAt,
      activation.confirmedAt,
      activation.endedAt,
      activation.occurrences
    ]
  })
}
