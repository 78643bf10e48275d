import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Access } from '../../access/access.js'
import type { ApplicationLogins } from '../../access/application-logins.js'
import type { Logins } from '../../access/logins.js'
import type { OAuth } from '../../access/oauth/oauth.js'
import type { Refusals } from '../../access/refusals.js'
import type { Totp } from '../../access/totp.js'
import type { Activations } from '../../activation/activation.js'
import type { Clock } from '../../clock.js'
import type { CallbackShape } from '../../delivery/delivery.js'
import type { Documents } from '../../documents/documents.js'
import type { Uploads } from '../../documents/uploads.js'
import type { Directory } from '../../enrolment/enrolment.js'
import type { ServiceError } from '../../errors.js'
import type { Pki } from '../../pki/pki.js'
import type { Signing } from '../../signing/signing.js'
import type { RequestNotes } from '../../transactions/request-notes.js'
import type { Transactions } from '../../transactions/transaction.js'
import type { TransactionSads } from '../../transactions/transaction-sads.js'
import type { Provider } from '../provider.js'

/** `sandbox` where the real test system behaves in another way than the production one. */
export type Manners = 'production' | 'sandbox'

/** A real host name on which a dialect answers. */
export interface DialectHost {
  /** Lower case. */
  name: string
  manners: Manners
}

/** A manner of the real service that a client may trip over, and that can be switched off by name. */
export interface Quirk {
  /** `<provider>.<what>`, as in the setting QUIRKS_OFF. */
  name: string
  /** What happens while it is on. */
  meaning: string
  /** How sure the real service does it: V read in public sources, P probable, A assumed. */
  mark: 'V' | 'P' | 'A'
}

/** An answer that is not a success, in a dialect's own words. */
export interface DialectFault {
  /** HTTP status. */
  status: number
  body: unknown
}

/** The request that failed, for a dialect whose calls do not all fail alike. */
export interface FaultedCall {
  /** Path of the route as it is registered, with the names of its parameters. */
  path: string
  /** Its `X-Request-Id`. */
  requestId: string
}

/** A provider's native HTTP API. */
export interface Dialect {
  /** Its name in transactions and callbacks, such as `sp769`. */
  id: string
  /** The path prefixes under which all of its routes are, such as `/sca/sp769`: on the real host names nothing else answers. */
  roots: readonly string[]
  hosts: readonly DialectHost[]
  quirks: readonly Quirk[]
  /** Its routes, at their native paths; they are registered under `/{provider}`. */
  routes: DialectRoutes
  /** How a failure looks in its own envelope. */
  fault(failure: ServiceError, call: FaultedCall): DialectFault
  /** Null: its relying parties poll. */
  callback: CallbackShape | null
}

/** What the routes of a dialect are handed: the middle floor, and who is played. */
export interface DialectDeps {
  access: Access
  /** Where refusals of what never reached the service are recorded. */
  refusals: Pick<Refusals, 'record'>
  /** People who prove themselves by password. */
  logins: Logins
  /** People who prove themselves to an application, by password or at the provider's own page. */
  applicationLogins: ApplicationLogins
  oauth: OAuth
  /** One-time codes by time, for dialects that ask for one besides. */
  totp: Totp
  directory: Directory
  transactions: Transactions
  /** For dialects that hand out a secret of the transaction and want it back. */
  sads: TransactionSads
  /** For dialects whose relying parties redeem a confirmation themselves, by a SAD. */
  activations: Activations
  signing: Signing
  /** Documents that are signed as a whole. */
  documents: Documents
  /** Files that are sent before they are signed. */
  uploads: Uploads
  /** What was wrong in requests, for those who wrote the client. */
  notes: RequestNotes
  pki: Pki
  now: Clock
  /** Where the outside reaches this server, without a slash at the end. */
  publicUrl: string
  /** Whether a quirk of this installation is on. */
  quirk: (name: string) => boolean
  /** Manners of the host that a request names in its Host header. */
  mannersOf: (host: string | undefined) => Manners
}

/** One dialect at one provider. */
export interface DialectOptions extends DialectDeps {
  provider: Provider
}

export type DialectRoutes = FastifyPluginAsyncTypebox<DialectOptions>
