import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Device, Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Activation } from './activation.js'
import type { Approvals } from './approvals.js'
import { TokenRefused, type VerifiedToken, verifyBiometricToken } from './biometric-token.js'
import { challengeOf } from './challenge.js'
import type { ActivationStore } from './needs.js'
import { challengeEnded, requireWaiting } from './standing.js'

/** Refused tokens of its owner's devices after which a challenge ends as rejected. */
export const refusedTokensMax = 32

/** What confirming stands on. */
export interface ConfirmDeps {
  store: Pick<ActivationStore, 'find' | 'confirm' | 'countRefusedToken'>
  directory: Pick<Directory, 'device' | 'credential'>
  approvals: Pick<Approvals, 'put'>
  audit: Pick<Audit, 'record'>
  now: Clock
  publicUrl: string
}

/**
 * A device answers a challenge with its biometric challenge token. Nothing changes unless the token verifies; what
 * is stored then is the token itself, as evidence.
 * @throws ServiceError `not_found`, `challenge_ended`, `biometric_token_refused`.
 */
export async function confirmActivation(
  deps: ConfirmDeps,
  by: { deviceId: string; activationId: string; token: string }
): Promise<void> {
  const { store, approvals, audit, publicUrl } = deps
  const { deviceId, activationId, token } = by
  const at = deps.now()
  const { device, activation } = await challengeFor(deps, deviceId, activationId)
  requireWaiting(activation, at)

  const challenge = challengeOf(activation, publicUrl)
  let verified: VerifiedToken
  try {
    verified = await verifyBiometricToken(token, challenge, device, at)
  } catch (fault) {
    throw fault instanceof TokenRefused ? await refusal(deps, device, activation, fault, at) : fault
  }
  const { jti } = verified
  const outcome = await store.confirm({
    activationId,
    confirmation: { deviceId, token, confirmedAt: at },
    ...verified
  })
  if (outcome !== 'confirmed') {
    const present = await store.find(activationId)
    if (present?.status !== 'waiting') throw challengeEnded(present?.status ?? 'cancelled')
    throw await refusal(deps, device, activation, new TokenRefused(outcome), at)
  }
  approvals.put({ ...activation, status: 'confirmed', confirmedAt: at }, deviceId)
  await audit.record({
    type: 'activation.confirmed',
    actor: `device:${deviceId}`,
    about: { activationId, subscriberId: device.subscriberId, displayHash: challenge.displayHash, jti }
  })
}

/**
 * The challenge and the device that may answer it: its owner's own, and the credential's owner the same person.
 * @throws ServiceError `not_found` for everything else (I6).
 */
async function challengeFor(
  { store, directory }: ConfirmDeps,
  deviceId: string,
  activationId: string
): Promise<{ device: Device; activation: Activation }> {
  const device = await directory.device(deviceId)
  const activation = await store.find(activationId)
  if (
    device !== null &&
    activation?.provider === device.provider &&
    activation.subscriberId === device.subscriberId
  ) {
    if (activation.credentialId === null) return { device, activation }
    const credential = await directory.credential(activation.credentialId)
    if (credential?.subscriberId === device.subscriberId) return { device, activation }
  }
  throw new ServiceError('not_found', `no challenge ${activationId} for device ${deviceId}`)
}

/** Records a refused token and answers the error to throw. Enough of them end the challenge. */
async function refusal(
  { store, audit }: ConfirmDeps,
  device: Device,
  activation: Activation,
  fault: TokenRefused,
  at: Date
): Promise<ServiceError> {
  const actor = `device:${device.id}`
  const about = { activationId: activation.id, subscriberId: device.subscriberId }
  await audit.record({
    type: 'activation.confirmation-refused',
    actor,
    about: { ...about, detail: fault.message }
  })
  const status = await store.countRefusedToken({
    activationId: activation.id,
    limit: refusedTokensMax,
    now: at
  })
  if (status === 'rejected') {
    const reason = 'too-many-refused-tokens'
    await audit.record({ type: 'activation.rejected', actor, about: { ...about, reason } })
  }
  return new ServiceError('biometric_token_refused', fault.message, { cause: fault })
}
