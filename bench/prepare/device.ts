import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import type { Challenge } from '../../src/activation/activation.js'
import { type Person, personOf } from './protocol.js'

/** Seconds a token lives. */
const lifetimeS = 60

/** Proof that a device calls (`device+jwt`): who it is, whom it talks to, and a number that is used once. */
export function deviceToken(
  person: Pick<Person, 'deviceId'>,
  key: KeyObject,
  audience: string,
  now: Date
): string {
  const iat = Math.floor(now.getTime() / 1000)
  const { deviceId } = person
  return compactJws(
    { alg: 'ES256', kid: deviceId, typ: 'device+jwt' },
    { iss: deviceId, sub: deviceId, aud: audience, iat, exp: iat + lifetimeS, jti: randomUUID() },
    key
  )
}

/**
 * A biometric challenge token as a phone makes it: a compact JWS, ES256 (RFC 7518 §3.4: r and s, 64 octets), over
 * everything that was shown. Written without a library because thousands are made between two windows.
 */
export function biometricToken(
  person: Pick<Person, 'deviceId' | 'subscriberId'>,
  key: KeyObject,
  challenge: Pick<Challenge, 'id' | 'audience' | 'nonce' | 'displayHash'>,
  now: Date
): string {
  const iat = Math.floor(now.getTime() / 1000)
  const header = { alg: 'ES256', kid: person.deviceId, typ: 'biometric-challenge+jwt' }
  const claims = {
    iss: person.deviceId,
    sub: person.subscriberId,
    aud: challenge.audience,
    iat,
    exp: iat + lifetimeS,
    jti: randomUUID(),
    challenge: challenge.id,
    nonce: challenge.nonce,
    display: challenge.displayHash,
    amr: ['hwk', 'face']
  }
  return compactJws(header, claims, key)
}

/** RFC 7515 §7.1. */
function compactJws(header: object, claims: object, key: KeyObject): string {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Device keys by person, each read once. */
export function createDeviceKeys(
  people: readonly Pick<Person, 'devicePkcs8'>[]
): (person: number) => KeyObject {
  const keys = new Map<number, KeyObject>()
  return (person) => {
    const known = keys.get(person)
    if (known !== undefined) return known
    const { devicePkcs8 } = personOf(people, person)
    const key = createPrivateKey({ key: Buffer.from(devicePkcs8, 'base64'), format: 'der', type: 'pkcs8' })
    keys.set(person, key)
    return key
  }
}
