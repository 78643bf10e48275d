import type { IssuingCeremony } from '../pki/ceremony.js'
import type { Dialect } from './dialect/dialect.js'

/**
 * One of the simulated providers: what its surfaces say of it and how long it waits. How its certificates look is in
 * `keys/ceremony.json`, since the ground issues them.
 */
export interface Provider {
  /** First path segment of its addresses, and its name in every table. */
  readonly id: string
  /** What the treasury portal calls it in its list of providers. */
  readonly label: string
  /** What its own surfaces call it; CSC `info` (CSC API v2 §11.1) allows 255 characters, as for `description`. */
  readonly name: string
  readonly description: string
  readonly region: 'VN'
  /** The brand as people of either language know it. */
  readonly names: { readonly vi: string; readonly en: string }
  /** What a gateway over all CAs calls it, besides `id` and `label`; compared without regard to case. */
  readonly caNames: readonly string[]
  readonly login: {
    /** Whether the portal asks for a password besides the login name; if not, none is ever checked. */
    readonly asksPassword: boolean
  }
  readonly limits: {
    /** How long a challenge waits for the subscriber, in seconds, unless the installation says otherwise. */
    readonly activationTtlS: number
  }
  /** Its issuing CA, where `keys/ceremony.json` has none for it. */
  readonly authority?: IssuingCeremony
  /** Its native APIs. */
  readonly dialects: readonly Dialect[]
}

/** A provider that relying parties may name and that is not served: a refusal with a reason, not "unknown". */
export interface UnsupportedProvider {
  readonly id: string
  readonly label: string
  readonly caNames: readonly string[]
  readonly name: { readonly vi: string; readonly en: string }
  readonly reason: { readonly vi: string; readonly en: string }
}
