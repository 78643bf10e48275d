import { type KeyObject, randomUUID, sign } from 'node:crypto'
import type { Challenge } from '../../src/activation/activation.js'
import type { Person } from './protocol.js'

/** Seconds a token lives. */
const lifetimeS = 60

/**
 * A biometric challenge token as a phone makes it: a compact JWS, ES256 (RFC 7518 §3.4: r and s, 64 octets), over
 * everything that was shown. Written without a library because thousands are made between two windows.
 */
export function biometricToken(person: Person, key: KeyObject, challenge: Challenge, now: Date): string {
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
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
