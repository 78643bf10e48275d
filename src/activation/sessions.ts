import { timingSafeEqual } from 'node:crypto'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { Activation, Activations } from './activation.js'
import type { Approvals } from './approvals.js'
import { requireUsable } from './ask.js'
import type { ActivationStore, SessionStore } from './needs.js'
import { newSad, readSad } from './sad.js'

/** What signing sessions stand on. */
export interface SessionsDeps {
  store: Pick<ActivationStore, 'find' | 'setSad' | 'replaceSad'>
  sessions: Pick<SessionStore, 'find'>
  directory: Pick<Directory, 'credential'>
  approvals: Pick<Approvals, 'get'>
  audit: Pick<Audit, 'record'>
  now: Clock
}

/** What signs in a session: see `Activations` for what the call promises. */
export function createSessions(deps: SessionsDeps): Pick<Activations, 'sessionSad'> {
  const { store, sessions, directory, approvals, audit, now } = deps

  return {
    async sessionSad({ provider, clientId, credentialId, sad, numSignatures }) {
      const owner = { provider, clientId }
      const named = readSad(sad)
      const noted = named === null ? null : await sessions.find({ ...owner, credentialId })
      if (named === null || noted === null) return null
      const byItsOwn = named.activationId === noted.activationId
      if (!byItsOwn && !timingSafeEqual(noted.sadSha256, named.sadSha256)) return null
      const present = await store.find(noted.activationId)
      const at = now()
      if (present?.status === 'waiting' && present.expiresAt > at)
        throw new ServiceError('activation_waiting', `session ${present.id} is not confirmed`)
      if (present === null || present.confirmedAt === null || (present.validUntil ?? at) <= at) return null
      if (present.status !== 'confirmed' && present.status !== 'spent') return null

      const credential = await directory.credential(credentialId)
      if (credential?.provider !== provider) throw new ServiceError('not_found', 'no such credential')
      requireUsable(credential, at)
      // What the device showed counts, and not what the row says by now.
      const shown = (await approvals.get(present.id, owner))?.activation
      if (shown?.kind !== 'session' || shown.credentialId !== credentialId || shown.validUntil === null)
        throw new ServiceError('sad_invalid', `activation ${present.id} is no session with this credential`)
      if (shown.validUntil <= at) return null
      requireLeft(present, shown, numSignatures)

      const { sad: next, sadSha256 } = newSad(present.id)
      const made = { activationId: present.id, sadSha256, sadExpiresAt: shown.validUntil }
      const written = byItsOwn
        ? await store.replaceSad({ ...made, before: named.sadSha256, now: at })
        : await store.setSad({ ...made, sadAudience: null })
      if (!written)
        throw new ServiceError('sad_invalid', `the SAD of session ${present.id} was replaced or used up`)
      await audit.record({
        type: 'sad.issued',
        actor: `relying-party:${provider}/${clientId}`,
        about: {
          activationId: present.id,
          sadSha256: base64(sadSha256),
          expiresAt: shown.validUntil.toISOString(),
          ...(byItsOwn ? { replacesSha256: base64(named.sadSha256) } : {})
        }
      })
      return { sad: next, expiresInS: Math.floor((shown.validUntil.getTime() - at.getTime()) / 1000) }
    }
  }
}

function requireLeft(present: Activation, shown: Activation, numSignatures: number): void {
  if (present.occurrences.length !== shown.numSignatures)
    throw new ServiceError('integrity_broken', `session ${shown.id} is not what was confirmed`)
  const left = [...present.occurrences].filter((digit) => digit === '0').length
  if (numSignatures > left)
    throw new ServiceError(
      'signatures_too_many',
      `${numSignatures}, and session ${shown.id} has ${left} left`
    )
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
