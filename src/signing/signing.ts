import type { HashAlgorithm, SignatureScheme } from '../hsm/hsm.js'

/** A redemption: the SAD as the relying party sent it, and what it wants signed. */
export interface SignRequest {
  provider: string
  clientId: string
  credentialId: string
  sad: string
  /** Whether the SAD must be renewed before it signs again (CSC API v1 §11.9); default: it need not. */
  usesSadUp?: boolean
  hash: HashAlgorithm
  scheme: SignatureScheme
  /** UUID version 7 for the reservation, which nothing else may have; default: a new one. */
  reservationId?: string
  /** Decoded, 1 to 1,000: any order and any part of what was approved; in a session whatever is to be signed. */
  digests: readonly Uint8Array[]
}

/** Reserve what was approved, sign it. */
export interface Signing {
  /**
   * Signs approved digests, in the order given. Every check passes before anything is reserved; the reservation is
   * durable before the HSM is asked, is all or nothing (I4), and takes each occurrence at most once (I3).
   *
   * @returns One signature a digest: RSA as RFC 8017, ECDSA as DER ECDSA-Sig-Value.
   * @throws ServiceError `sad_invalid`, `sad_expired`, `not_found` (no such credential), `credential_unusable`,
   *   `certificate_expired`, `digest_length_wrong`, `digest_not_authorized`, `signatures_too_many` (more than a session
   *   has left), `sign_algorithm_refused`: nothing was spent. `hsm_busy`, `hsm_unavailable`: the digests may be sent again. `signature_uncertain`: they may not.
   */
  sign(request: SignRequest): Promise<Uint8Array[]>
  /**
   * The same without waiting for the HSM: resolves when the occurrences are reserved.
   * @returns `ended` resolves or rejects as `sign` does.
   */
  begin(request: SignRequest): Promise<{ ended: Promise<Uint8Array[]> }>
}
