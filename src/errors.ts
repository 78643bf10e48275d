/**
 * The one vocabulary of failures a caller may branch on. A code says *what* went wrong; each surface decides how
 * that looks on the wire (`http/problem.ts`, `csc/errors.ts`). Codes are public API: add one, never rename one.
 */
export const errorCodes = {
  // Who is calling
  authentication_required: 'No usable proof of identity was sent.',
  authentication_failed: 'The proof of identity is wrong.',
  token_expired: 'The access token has expired or was revoked.',
  permission_denied: 'The caller is known, but its role does not allow this.',

  // What was sent
  request_invalid: 'The request is malformed or a value in it is not acceptable.',
  request_too_large: 'The request is larger than the limit for this call.',
  media_type_unsupported: 'The request body has a media type this call does not read.',
  host_unknown: 'The Host header names neither this server nor a provider it plays.',
  not_found: 'No such resource, or none that this caller may see.',
  method_unknown: 'This call does not exist here.',
  too_many_requests: 'A limit on how many requests may be open at once is reached.',
  idempotency_conflict: 'The Idempotency-Key was used with another request, or its first use has not ended.',

  // Subscribers, credentials, devices
  login_taken: 'A subscriber with this login exists at this provider.',
  state_conflict: 'The change is not possible in the present state.',
  consent_required: 'A further device needs the consent of a registered one, or a second operator.',
  activation_code_invalid: 'The activation code is unknown, used or expired.',
  login_locked: 'Too many wrong passwords or codes: the login is locked for a while.',
  second_factor_required: 'The password is right, and a one-time code is asked for besides.',
  credential_unusable: 'The credential is not active.',
  certificate_expired: 'The certificate of the credential is not valid at this time.',

  // What is asked for before a challenge
  factor_required: 'The credential asks for a PIN, a one-time code or a login besides.',
  factor_wrong: 'The PIN or one-time code of the credential is wrong.',
  factor_locked: 'Too many wrong PINs or one-time codes: the credential is locked for a while.',

  // Asking for and confirming an activation
  challenges_too_many: 'Too many challenges wait for this subscriber.',
  signatures_too_many: 'More signatures were asked for than the credential allows at once.',
  hash_algorithm_refused: 'The hash algorithm is not one this server signs.',
  digest_length_wrong: 'A digest does not have the length of its hash algorithm.',
  session_open: 'A signing session of this relying party with this credential is open already.',
  challenge_ended: 'The challenge has been confirmed, rejected, cancelled or has expired.',
  biometric_token_refused: 'The biometric challenge token does not confirm this challenge.',
  activation_waiting: 'The subscriber has not answered yet.',
  activation_rejected: 'The subscriber rejected the request.',
  activation_expired: 'The request expired before the subscriber confirmed it.',
  activation_cancelled: 'The request was cancelled before it was used.',
  transaction_taken: 'The transaction id was used before, for another request.',

  // Redeeming it
  sad_invalid: 'The SAD is unknown, spent, or not for this credential and relying party.',
  sad_expired: 'The SAD has expired.',
  digest_not_authorized: 'A digest is not among those the subscriber confirmed, or was signed already.',
  sign_algorithm_refused: 'The signature algorithm does not fit the key or the hash.',

  // What we stand on
  hsm_busy: 'The signing queue is full.',
  hsm_unavailable: 'The HSM does not answer.',
  signature_uncertain: 'The HSM did not say whether it signed; what was reserved stays spent.',
  database_unavailable: 'The database does not answer.',
  integrity_broken: 'A stored row does not carry the seal it was written with.',
  not_offered: 'This server knows the call but does not offer it.',
  internal: 'The server met a condition it did not expect.'
} as const

/** A failure's name. */
export type ErrorCode = keyof typeof errorCodes

/** What a `ServiceError` may carry beside its code. */
export interface ServiceErrorOptions extends ErrorOptions {
  /** A sentence for the client, free of anything another party may not know. Default: the code's own sentence. */
  says?: string
  /** The request member at fault, as the surface that reports it calls it. */
  field?: string
  /** When trying again makes sense, in seconds. */
  retryAfterS?: number
  /** The state that stood in the way, as a single word of the surface's own vocabulary. */
  state?: string
  /** How many more tries of a secret may be wrong before it is locked; counted for what does not exist as well. */
  attemptsLeft?: number
}

/**
 * Any failure a client may meet. `code`, `says`, `field`, `state`, `retryAfterS` and `attemptsLeft` may leave the server;
 * `message` and `cause` are for the log and stay there. A programmer's mistake is a `TypeError` or `RangeError` instead.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly says: string
  readonly field: string | undefined
  readonly retryAfterS: number | undefined
  readonly state: string | undefined
  readonly attemptsLeft: number | undefined

  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.says = options.says ?? errorCodes[code]
    this.field = options.field
    this.retryAfterS = options.retryAfterS
    this.state = options.state
    this.attemptsLeft = options.attemptsLeft
  }
}

/**
 * Why the server does not start, where whoever started it can do something about it. `message` is a sentence for
 * them; `main.ts` prints it alone, without a stack, and exits with 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError'
}
