import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Activation, Activations, IssuedSad } from './activation.js'
import type { Approval, Approvals, Owner } from './approvals.js'
import { requireUsable } from './ask.js'
import { digestKey } from './digest-index.js'
import type { ActivationBySad, ActivationStore } from './needs.js'
import { newSad, readSad } from './sad.js'
import { requireConfirmed, sadsEnd } from './standing.js'

/** What SADs stand on. */
export interface SadsDeps {
  store: Pick<ActivationStore, 'find' | 'setSad' | 'replaceSad' | 'findBySad' | 'cancel'>
  directory: Pick<Directory, 'credential'>
  approvals: Pick<Approvals, 'get'>
  audit: Pick<Audit, 'record'>
  now: Clock
  sadTtlS: number
}

/** What a confirmed activation is redeemed by: see `Activations` for what each call promises. */
export function createSads(
  deps: SadsDeps
): Pick<Activations, 'issueSad' | 'requireConfirmed' | 'extendSad' | 'bearerOf' | 'revokeSad' | 'withdraw'> {
  const { store, directory, approvals, audit, now, sadTtlS } = deps

  /** The life of a SAD that is made now, in whole seconds; it ends no later than any could. */
  function lifeOf(activation: Activation, at: Date): { expiresInS: number; sadExpiresAt: Date } {
    const leftS = Math.floor((sadsEnd(activation, sadTtlS).getTime() - at.getTime()) / 1000)
    const expiresInS = Math.min(sadTtlS, leftS)
    if (expiresInS < 1) throw new ServiceError('sad_expired', `${activation.id} may not be used any longer`)
    return { expiresInS, sadExpiresAt: new Date(at.getTime() + expiresInS * 1000) }
  }

  /** Null also where it is another's. */
  async function foundBy(sad: string, owner: Owner): Promise<ActivationBySad | null> {
    const named = readSad(sad)
    const found = named === null ? null : await store.findBySad(named)
    const { provider, clientId } = found?.activation ?? {}
    return provider === owner.provider && clientId === owner.clientId ? found : null
  }

  async function recordIssued(
    { provider, clientId }: Owner,
    about: { activationId: string; sadSha256: Uint8Array; sadExpiresAt: Date; replaces?: Uint8Array }
  ): Promise<void> {
    const { activationId, sadSha256, sadExpiresAt, replaces } = about
    await audit.record({
      type: 'sad.issued',
      actor: `relying-party:${provider}/${clientId}`,
      about: {
        activationId,
        sadSha256: base64(sadSha256),
        expiresAt: sadExpiresAt.toISOString(),
        ...(replaces === undefined ? {} : { replacesSha256: base64(replaces) })
      }
    })
  }

  async function cancel(
    { id, provider, clientId, subscriberId }: Activation,
    sadSha256: Uint8Array | null,
    reason: string
  ): Promise<boolean> {
    if (!(await store.cancel({ activationId: id, sadSha256, reason, now: now() }))) return false
    await audit.record({
      type: 'activation.cancelled',
      actor: `relying-party:${provider}/${clientId}`,
      about: { activationId: id, provider, clientId, subscriberId, reason }
    })
    return true
  }

  /** What may be redeemed now: a row is believed only with its evidence. */
  async function confirmedOf({
    provider,
    clientId,
    activationId,
    subscriberId
  }: Parameters<Activations['issueSad']>[0]): Promise<Activation> {
    const activation = await store.find(activationId)
    if (
      activation?.provider !== provider ||
      activation.clientId !== clientId ||
      (subscriberId ?? activation.subscriberId) !== activation.subscriberId ||
      activation.kind === 'device'
    ) {
      throw new ServiceError('not_found', `${clientId} has no activation ${activationId}`)
    }
    requireConfirmed(activation, now())
    await approvals.get(activationId, { provider, clientId })
    return activation
  }

  return {
    async requireConfirmed(of) {
      await confirmedOf(of)
    },

    async issueSad(of): Promise<IssuedSad> {
      const { provider, clientId, activationId, audience } = of
      const activation = await confirmedOf(of)
      const { sad, sadSha256 } = newSad(activationId)
      const { expiresInS, sadExpiresAt } = lifeOf(activation, now())
      if (!(await store.setSad({ activationId, sadSha256, sadExpiresAt, sadAudience: audience ?? null }))) {
        throw new ServiceError('activation_cancelled', `${activationId} ended while its SAD was made`)
      }
      await recordIssued({ provider, clientId }, { activationId, sadSha256, sadExpiresAt })
      return { sad, expiresInS }
    },

    async extendSad({ provider, clientId, credentialId, sad, digests }) {
      const owner = { provider, clientId }
      const found = await foundBy(sad, owner)
      const before = readSad(sad)
      if (found === null || before === null)
        throw new ServiceError('sad_invalid', 'no activation of this relying party answers to the SAD')
      const { activation, sadExpiresAt: endBefore } = found
      const at = now()
      const credential = await directory.credential(credentialId)
      if (credential?.provider !== provider) throw new ServiceError('not_found', 'no such credential')
      if (activation.credentialId !== credentialId)
        throw new ServiceError('sad_invalid', 'the SAD is for another credential')
      requireUsable(credential, at) // a revocation cancels, and is the better answer
      if (activation.status === 'expired' || endBefore <= at)
        throw new ServiceError('sad_expired', `the SAD expired at ${endBefore.toISOString()}`)
      const approval = activation.status === 'confirmed' ? await approvals.get(activation.id, owner) : null
      if (approval === null)
        throw new ServiceError('sad_invalid', `activation ${activation.id} is ${activation.status}`)
      requireApproved(approval, activation.occurrences, digests)

      const { sad: next, sadSha256 } = newSad(activation.id)
      // Until when a session lives is what the device showed, whatever the row says by now.
      const { validUntil } = approval.activation
      const { expiresInS, sadExpiresAt } = lifeOf({ ...activation, validUntil }, at)
      const activationId = activation.id
      const replaced = { activationId, before: before.sadSha256, sadSha256, sadExpiresAt, now: at }
      if (!(await store.replaceSad(replaced)))
        throw new ServiceError('sad_invalid', `the SAD of ${activationId} was replaced or used up meanwhile`)
      await recordIssued(owner, { activationId, sadSha256, sadExpiresAt, replaces: before.sadSha256 })
      return { sad: next, expiresInS }
    },

    async bearerOf({ provider, audience, sad }) {
      const named = readSad(sad)
      const found = named === null ? null : await store.findBySad(named)
      if (found === null || found.sadAudience !== audience || found.activation.provider !== provider)
        throw new ServiceError('authentication_failed', 'no SAD of this audience')
      const { activation, sadExpiresAt } = found
      const { id, clientId, subscriberId, credentialId, status } = activation
      if (status !== 'confirmed' || sadExpiresAt <= now() || credentialId === null)
        throw new ServiceError('token_expired', `the SAD of ${id}, which is ${status}`)
      // Whom the row says it is for is believed only with its evidence.
      await approvals.get(id, { provider, clientId })
      return { activationId: id, provider, clientId, subscriberId, credentialId, expiresAt: sadExpiresAt }
    },

    async revokeSad({ provider, clientId, sad }) {
      const found = await foundBy(sad, { provider, clientId })
      const named = readSad(sad)
      if (found === null || named === null) return false
      return cancel(found.activation, named.sadSha256, 'sad-revoked')
    },

    async withdraw({ provider, clientId, activationId, reason }) {
      const activation = await store.find(activationId)
      if (activation?.provider !== provider || activation.clientId !== clientId) return false
      return cancel(activation, null, reason)
    }
  }
}

/** Whether what is to be signed next was confirmed and is not signed yet; a session is for whatever is signed. */
function requireApproved(approval: Approval, occurrences: string, digests: readonly Uint8Array[]): void {
  if (approval.activation.kind === 'session') return
  if (digests.length === 0)
    throw new ServiceError('request_invalid', 'no digests to go on with', { field: 'hashes' })
  const taken = new Map<string, number>()
  for (const key of digests.map(digestKey)) {
    const free = (approval.digests.get(key) ?? []).filter((position) => occurrences[position] === '0')
    taken.set(key, (taken.get(key) ?? 0) + 1)
    if (free.length < (taken.get(key) ?? 0))
      throw new ServiceError('digest_not_authorized', 'a digest was not confirmed, or is signed already')
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
