import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Activation } from '../activation/activation.js'
import { publicUrlIn, TokenRefused, verifyBiometricToken } from '../activation/biometric-token.js'
import { challengeOf } from '../activation/challenge.js'
import type { Device } from '../enrolment/enrolment.js'
import type { ChainEvent } from './chain.js'
import type { Evidence } from './evidence.js'

/** How much later than it was allowed a signature may be recorded: the HSM takes its time. */
const hsmMaxMs = 120_000

/** Evidence that holds: what the person's device said, and about what. */
export interface Confirmed {
  deviceId: string
  /** The keys it verified by. */
  keys: Pick<Device, 'spki' | 'webauthn'>
  displayHash: string
  jti: string
}

/** Evidence that does not hold; `message` is a sentence for the report. */
export class EvidenceFault extends Error {
  override readonly name = 'EvidenceFault'
}

/**
 * Verifies a stored biometric challenge token again, as of the time it was confirmed: by the public key of a device
 * of the activation's subscriber, over the hash of the display that the activation's row gives today.
 * @throws EvidenceFault
 */
export async function verifyEvidence({ activation, confirmation, device }: Evidence): Promise<Confirmed> {
  if (confirmation === null) throw new EvidenceFault('no biometric challenge token is stored')
  if (device === null) throw new EvidenceFault(`there is no device ${confirmation.deviceId}`)
  if (device.provider !== activation.provider || device.subscriberId !== activation.subscriberId) {
    throw new EvidenceFault(`device ${device.id} is not of subscriber ${activation.subscriberId}`)
  }
  try {
    // The server may have had another address then: the one that the device signed.
    const challenge = challengeOf(activation, publicUrlIn(confirmation.token, activation.provider))
    const { jti } = await verifyBiometricToken(
      confirmation.token,
      challenge,
      device,
      confirmation.confirmedAt
    )
    return { deviceId: device.id, keys: device, displayHash: challenge.displayHash, jti }
  } catch (cause) {
    const why = cause instanceof TokenRefused ? cause.message : 'the key of the device cannot be read'
    throw new EvidenceFault(`the biometric challenge token does not verify: ${why}`, { cause })
  }
}

const signatureMade = Compile(
  Type.Object({
    activationId: Type.String(),
    reservationId: Type.String(),
    credentialID: Type.String(),
    clientId: Type.String(),
    provider: Type.String(),
    scheme: Type.String(),
    digests: Type.Array(Type.String(), { minItems: 1 }),
    signaturesSha256: Type.Array(Type.String(), { minItems: 1 })
  })
)

/**
 * Whether a `signature.made` event names only what the activation allowed: the same credential, relying party and
 * provider, and digests among those shown, each as often as shown. Of a session, while it lasted, and with what was
 * signed in it before no more than the number shown.
 * @throws EvidenceFault
 */
export function requireAllowed(event: ChainEvent, { activation }: Evidence, sessions: Sessions): void {
  const { about } = event
  if (!signatureMade.Check(about)) throw new EvidenceFault('the event does not say what was signed')
  if (about.signaturesSha256.length !== about.digests.length) {
    throw new EvidenceFault('the event does not name a signature for each digest')
  }
  if (
    about.credentialID !== activation.credentialId ||
    about.clientId !== activation.clientId ||
    about.provider !== activation.provider
  ) {
    throw new EvidenceFault('another credential, relying party or provider was confirmed')
  }
  if (activation.kind === 'device') throw new EvidenceFault('only a device was consented to')
  if (activation.kind === 'session') {
    requireInSession(event, activation, sessions.add(activation.id, about.digests.length))
    return
  }
  const shown = new Map<string, number>()
  for (const digest of activation.digests.map((octets) => Buffer.from(octets).toString('base64'))) {
    shown.set(digest, (shown.get(digest) ?? 0) + 1)
  }
  for (const digest of about.digests) {
    const left = shown.get(digest) ?? 0
    if (left === 0) throw new EvidenceFault(`digest ${digest} was not confirmed`)
    shown.set(digest, left - 1)
  }
}

function requireInSession({ at }: ChainEvent, { numSignatures, validUntil }: Activation, made: number): void {
  if (made > numSignatures) throw new EvidenceFault(`only ${numSignatures} signatures were confirmed`)
  if (validUntil === null) throw new EvidenceFault('the session has no end')
  if (Date.parse(at) > validUntil.getTime() + hsmMaxMs)
    throw new EvidenceFault(`the session ended at ${validUntil.toISOString()}`)
}

/** How many signatures were made in each session, over all chains. */
export class Sessions {
  readonly #made = new Map<string, number>()

  /** @returns How many there are with these. */
  add(activationId: string, count: number): number {
    const made = (this.#made.get(activationId) ?? 0) + count
    this.#made.set(activationId, made)
    return made
  }
}

/**
 * Whether an `activation.confirmed` event tells of this very confirmation.
 * @throws EvidenceFault
 */
export function requireSameConfirmation({ actor, about }: ChainEvent, confirmed: Confirmed): void {
  if (actor !== `device:${confirmed.deviceId}`) throw new EvidenceFault('another device confirmed')
  if (about.displayHash !== confirmed.displayHash) throw new EvidenceFault('another display was confirmed')
  if (about.jti !== confirmed.jti) throw new EvidenceFault('another token confirmed')
}
