import type { Refusals } from '../access/refusals.js'
import type { Activations } from '../activation/activation.js'
import type { Approvals } from '../activation/approvals.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { KeyStorage } from '../hsm/hsm.js'
import type { Pki } from '../pki/pki.js'
import type { Seals } from '../store/seals.js'
import { createActivationCodes } from './activation-codes.js'
import { createDevices } from './devices.js'
import type { LocalDirectory } from './directory.js'
import type { Integrity } from './integrity.js'
import { createIssuing } from './issuing.js'
import { createLifeCycle } from './life-cycle.js'
import type {
  ActivationCodeStore,
  CredentialStore,
  DeviceStore,
  OperatorLookup,
  PendingKeyStore,
  ProviderPolicy,
  SubscriberStore
} from './needs.js'
import { createPendingKeys } from './pending-keys.js'
import { createPins } from './pins.js'
import { createSubscribers } from './subscribers.js'

/** What enrolment stands on. `server.ts` hands it in. */
export interface EnrolmentDeps {
  subscribers: SubscriberStore
  credentials: CredentialStore
  devices: DeviceStore
  codes: ActivationCodeStore
  pendingKeys: PendingKeyStore
  keys: KeyStorage
  keyStorage: 'wrapped' | 'token'
  storedTokenKeyIds: () => Promise<Uint8Array[]>
  pki: Pick<Pki, 'issue' | 'newSerialNumber'>
  directory: LocalDirectory
  integrity: Integrity
  seals: Seals
  activations: Pick<Activations, 'askForDevice' | 'watchAll'>
  approvals: Pick<Approvals, 'get'>
  audit: Audit
  refusals: Pick<Refusals, 'record'>
  operators: OperatorLookup
  now: Clock
  /** Null: no such provider. */
  providers: (id: string) => ProviderPolicy | null
  /** Whether this server has a way to send one-time codes. */
  sendsCodes: boolean
  hashPassword: (password: string) => Promise<string>
  /** This process, as the table of servers names it. */
  serverId: string
  simulation: boolean
  /** Whether a device in the place of one that an operator removed needs a second operator. */
  replacementNeedsConsent: boolean
}

/** Subscribers, credentials and devices: see each call for what it promises. `by` is the actor of its audit event. */
export type Enrolment = ReturnType<typeof createEnrolment>

export function createEnrolment(deps: EnrolmentDeps) {
  const actor = `server:${deps.serverId}`
  const pendingKeys = createPendingKeys(deps)
  const codes = createActivationCodes(deps)
  return {
    ...createSubscribers(deps),
    ...createIssuing({ ...deps, pendingKeys }),
    ...createLifeCycle(deps),
    ...createPins(deps),
    ...createDevices({ ...deps, pendingKeys, codes, actor }),
    createActivationCode: codes.createActivationCode,
    approveActivationCode: codes.approveActivationCode,
    /**
     * Destroys token keys that a crash left without an owner; called once at start, before anything is issued.
     * @returns How many.
     */
    recoverPendingKeys: pendingKeys.recover,
    /** Stops listening for the consent of devices. */
    close: codes.close
  }
}
