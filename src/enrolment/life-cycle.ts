import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { RevocationReason } from '../pki/pki.js'
import type { Seals } from '../store/seals.js'
import { cancelledEvent } from './cancelled-event.js'
import type { LocalDirectory } from './directory.js'
import {
  type Credential,
  type CredentialStatus,
  credentialStatus,
  type StoredCredentialStatus
} from './enrolment.js'
import type { CredentialRecord, CredentialStore } from './needs.js'
import { credentialFields } from './sealed-fields.js'
import { invalid } from './texts.js'

/** How often a change is tried again because another came first. */
const attemptsMax = 5

/** One way from state to state. */
interface Transition {
  from: readonly CredentialStatus[]
  to: StoredCredentialStatus
  event: 'credential.published' | 'credential.suspended' | 'credential.resumed' | 'credential.revoked'
  /** Why activations of the credential end with it; null: they go on. */
  cancelReason: string | null
}

/**
 * issued → active ⇄ suspended → revoked. A certificate that should not have been issued can be revoked before it is
 * published. Nothing leads out of `revoked` or `expired`.
 */
export const transitions = {
  publish: { from: ['issued'], to: 'active', event: 'credential.published', cancelReason: null },
  suspend: {
    from: ['active'],
    to: 'suspended',
    event: 'credential.suspended',
    cancelReason: 'credential-suspended'
  },
  resume: { from: ['suspended'], to: 'active', event: 'credential.resumed', cancelReason: null },
  revoke: {
    from: ['issued', 'active', 'suspended'],
    to: 'revoked',
    event: 'credential.revoked',
    cancelReason: 'credential-revoked'
  }
} as const satisfies Record<string, Transition>

export type TransitionName = keyof typeof transitions

/** What the life cycle stands on. */
export interface LifeCycleDeps {
  credentials: Pick<CredentialStore, 'change'>
  directory: LocalDirectory
  seals: Seals
  audit: Audit
  now: Clock
}

/** The changes of a credential's status. Once one is answered, it holds everywhere. */
export function createLifeCycle(deps: LifeCycleDeps) {
  const { credentials, directory, seals, audit, now } = deps

  async function change(
    id: string,
    name: TransitionName,
    reason: RevocationReason | null,
    by: string
  ): Promise<Credential> {
    const transition: Transition = transitions[name]
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const present = await directory.credentialRecord(id)
      if (present === null) throw new ServiceError('not_found', `no credential ${id}`)
      const at = now()
      requireAllowed(present, transition, name, at)
      const row = moved(present, transition.to, reason, at)
      const seal = await seals.seal('credentials', credentialFields(row))
      const cancel = transition.cancelReason === null ? null : { reason: transition.cancelReason, at }
      const { provider, subscriberId, serialNumber } = row
      const about = { credentialID: id, subscriberId, provider, serialNumber, from: present.status, reason }
      const changed = await audit.recordWith((record) =>
        credentials.change({ row, seal }, cancel, (transaction, cancelled) =>
          record(
            transaction,
            { type: transition.event, actor: by, about },
            ...cancelled.map((activation) => cancelledEvent(activation, transition.cancelReason ?? name, by))
          )
        )
      )
      directory.forget('credential', id)
      if (!changed) continue
      const { pinHash: _, ...credential } = row
      return credential
    }
    throw new ServiceError('state_conflict', `${id} changed ${attemptsMax} times meanwhile`, {
      says: 'The credential is being changed by others; try again.',
      retryAfterS: 1
    })
  }

  return {
    /**
     * Lets the certificate take effect: `issued` → `active`.
     * @param reason For the audit alone.
     * @throws ServiceError `not_found`, `state_conflict`, `integrity_broken`; so do the others.
     */
    publishCredential: (id: string, reason: RevocationReason | null, by: string) =>
      change(id, 'publish', reason, by),
    /** `active` → `suspended`, which is `certificateHold` in the CRL whatever `reason` the audit is told. */
    suspendCredential: (id: string, reason: RevocationReason | null, by: string) =>
      change(id, 'suspend', reason, by),
    /** `suspended` → `active`. @param reason For the audit alone. */
    resumeCredential: (id: string, reason: RevocationReason | null, by: string) =>
      change(id, 'resume', reason, by),
    /**
     * For good. What waits or is confirmed ends; nothing new is reserved once this has returned.
     * @param reason RFC 5280 §5.3.1; null: `unspecified`.
     * @throws ServiceError also `request_invalid` for `certificateHold`, which is a suspension.
     */
    async revokeCredential(id: string, reason: RevocationReason | null, by: string): Promise<Credential> {
      if (reason === 'certificateHold')
        throw invalid('reason', 'certificateHold is a suspension: use suspend')
      return change(id, 'revoke', reason ?? 'unspecified', by)
    }
  }
}

function requireAllowed(present: Credential, transition: Transition, name: TransitionName, at: Date): void {
  const status = credentialStatus(present, at)
  if (transition.from.includes(status)) return
  throw new ServiceError('state_conflict', `${name} of ${present.id}, which is ${status}`, {
    says: `The credential is ${status} and cannot become ${transition.to}: ${name} leads from ${transition.from.join(' or ')} to ${transition.to}.`,
    state: status
  })
}

/** What the row says after the change. */
function moved(
  present: CredentialRecord,
  status: StoredCredentialStatus,
  reason: RevocationReason | null,
  at: Date
): CredentialRecord {
  const next = { ...present, status, version: present.version + 1 }
  switch (status) {
    case 'active':
      return { ...next, publishedAt: present.publishedAt ?? at, suspendedAt: null, revocationReason: null }
    case 'suspended':
      return { ...next, suspendedAt: at, revocationReason: 'certificateHold' }
    default:
      return { ...next, revokedAt: at, revocationReason: reason }
  }
}
