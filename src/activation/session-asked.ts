import { ServiceError } from '../errors.js'
import type { AskRequest, SessionAsked } from './activation.js'
import type { Approvals } from './approvals.js'
import type { ActivationStore } from './needs.js'
import { readSad } from './sad.js'

/** What a signing session has at most: signatures, and seconds from asking to its end. */
export const sessionLimits = { signatures: 1000, lifetimeS: 8 * 3600 } as const

/**
 * Checks a request for a signing session: its bounds, and that the SAD by which it is asked for is a live one of the
 * same relying party and credential, used up or not.
 * @returns SHA-256 of that SAD.
 * @throws ServiceError `request_invalid`, `signatures_too_many`, `sad_invalid`, `sad_expired`.
 */
export async function requireSessionAsked(
  { store, approvals }: { store: Pick<ActivationStore, 'findBySad'>; approvals: Pick<Approvals, 'get'> },
  { provider, clientId, credentialId, numSignatures, digests }: AskRequest,
  { validUntil, sad }: SessionAsked,
  at: Date
): Promise<Uint8Array> {
  if (digests.length > 0) throw new TypeError('a session is for whatever is signed in it')
  const lifetimeMs = validUntil.getTime() - at.getTime()
  // Not a comparison that an invalid date would pass.
  if (!(lifetimeMs > 0 && lifetimeMs <= sessionLimits.lifetimeS * 1000))
    throw new ServiceError('request_invalid', `a session of ${lifetimeMs} ms`, {
      says: `A session lasts from 1 s to ${sessionLimits.lifetimeS} s.`,
      field: 'duration'
    })
  if (numSignatures > sessionLimits.signatures)
    throw new ServiceError('signatures_too_many', `${numSignatures} of at most ${sessionLimits.signatures}`)
  const named = readSad(sad)
  const found = named === null ? null : await store.findBySad(named)
  const { activation } = found ?? {}
  const own =
    activation?.provider === provider &&
    activation.clientId === clientId &&
    activation.credentialId === credentialId &&
    (activation.status === 'confirmed' || activation.status === 'spent')
  if (named === null || found === null || !own)
    throw new ServiceError('sad_invalid', 'no activation of this relying party and credential has this SAD')
  if (found.sadExpiresAt <= at)
    throw new ServiceError('sad_expired', `the SAD expired at ${found.sadExpiresAt.toISOString()}`)
  if ((await approvals.get(found.activation.id, { provider, clientId })) === null)
    throw new ServiceError('sad_invalid', `activation ${found.activation.id} was never confirmed`)
  return named.sadSha256
}
