import { LRUCache } from 'lru-cache'
import type { Audit } from '../audit/audit.js'
import type { Device, Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Activation } from './activation.js'
import { publicUrlIn, verifyBiometricToken } from './biometric-token.js'
import { challengeOf } from './challenge.js'
import { type DigestIndex, indexDigests } from './digest-index.js'
import type { ActivationStore, Confirmation } from './needs.js'

/** Memory for approvals remembered between authorizing and signing: some 37,000 of one digest, or 500 of 1,000. */
const rememberedMaxOctets = 128 * 1_048_576
/** What one takes: measured, and rounded up. */
const octetsOf = ({ activation }: Approval): number =>
  3_300 + 260 * activation.digests.length + 2 * activation.documentNames.join('').length
/** Broken rows remembered as reported. */
const reportedMax = 1_000

/**
 * A confirmed activation whose evidence was verified by this process: the device's token is over exactly these
 * digests, this relying party and this credential, by a device of the credential's owner. Everything in it is
 * immutable; what changes (status, SAD, occurrences) is the database's and is checked there.
 */
export interface Approval {
  activation: Activation
  /** Of the digests that were confirmed. */
  digests: DigestIndex
  deviceId: string
}

/** The relying party that asked. */
export type Owner = Pick<Activation, 'provider' | 'clientId'>

/** Approvals, verified on their way into memory. */
export interface Approvals {
  /**
   * The approval behind an activation of this relying party, or null when there is none that was ever confirmed. How
   * it stands now is not asked.
   * @throws ServiceError `integrity_broken` when the stored evidence does not confirm the stored request, audited.
   */
  get(activationId: string, of: Owner): Promise<Approval | null>
  /** Remembers one whose confirmation was verified just now. */
  put(activation: Activation, deviceId: string): void
}

/**
 * Whoever can write SQL can mark any request as confirmed, or point a confirmed one at another's key. So a row is
 * believed only after the device's signature over it was verified again with the sealed public key of a device
 * that belongs to the owner of the sealed credential.
 */
export function createApprovals(deps: {
  store: Pick<ActivationStore, 'find' | 'confirmation'>
  directory: Pick<Directory, 'device' | 'credential'>
  audit: Pick<Audit, 'record'>
  actor: string
}): Approvals {
  const { store, directory, audit, actor } = deps
  const verified = new LRUCache<string, Approval>({
    maxSize: rememberedMaxOctets,
    sizeCalculation: octetsOf
  })
  const reported = new LRUCache<string, true>({ max: reportedMax })

  function remember(activation: Activation, deviceId: string): Approval {
    const approval = { activation, digests: indexDigests(activation.digests), deviceId }
    verified.set(activation.id, approval)
    return approval
  }

  async function load(activationId: string, owner: Owner): Promise<Approval | null> {
    const activation = await store.find(activationId)
    if (activation === null || !belongsTo(activation, owner) || activation.confirmedAt === null) return null
    const confirmation = await store.confirmation(activationId)
    const device = confirmation === null ? null : await directory.device(confirmation.deviceId)
    // What its device confirmed and is over may outlive the device; what is open never does.
    if (confirmation !== null && device === null && activation.status !== 'confirmed') return null
    const fault = await faultOf(activation, confirmation, device)
    if (fault !== null) {
      await report(activation, fault)
      throw new ServiceError('integrity_broken', `activation ${activationId}: ${fault}`)
    }
    return remember(activation, (confirmation as Confirmation).deviceId)
  }

  /** Each row once, however often it is asked for: every refused use has an event of its own. */
  async function report({ id, provider }: Activation, detail: string): Promise<void> {
    if (reported.has(id)) return
    reported.set(id, true)
    await audit.record({
      type: 'integrity.broken',
      actor,
      about: { table: 'activations', id, provider, detail }
    })
  }

  async function faultOf(
    activation: Activation,
    confirmation: Confirmation | null,
    device: Device | null
  ): Promise<string | null> {
    if (confirmation === null) return 'confirmed without evidence'
    if (device === null) return 'confirmed by a device that is not registered'
    if (device.provider !== activation.provider) return 'confirmed by a device of another provider'
    if (device.subscriberId !== activation.subscriberId) return 'confirmed by another person’s device'
    if (activation.credentialId !== null) {
      const credential = await directory.credential(activation.credentialId)
      if (credential?.subscriberId !== device.subscriberId)
        return 'confirmed by another person than the owner'
    }
    try {
      const challenge = challengeOf(activation, publicUrlIn(confirmation.token, activation.provider))
      await verifyBiometricToken(confirmation.token, challenge, device, confirmation.confirmedAt)
      return null
    } catch (fault) {
      return (fault as Error).message
    }
  }

  return {
    async get(activationId, of) {
      const known = verified.get(activationId)
      if (known === undefined) return load(activationId, of)
      return belongsTo(known.activation, of) ? known : null
    },
    put: (activation, deviceId) => void remember(activation, deviceId)
  }
}

const belongsTo = (activation: Activation, { provider, clientId }: Owner): boolean =>
  activation.provider === provider && activation.clientId === clientId
