import type { Subscriber } from '../enrolment/enrolment.js'

/** Subscribers who prove themselves to a relying party by their password, and where asked by a one-time code besides. */
export interface Logins {
  /**
   * Checks a password. Takes as long for a login that does not exist as for one that does, and locks both alike.
   * @throws ServiceError `authentication_failed` (unknown login or wrong password, not told apart), `login_locked` (with
   *   `retryAfterS`), `second_factor_required` (the password is right; a code was sent to the subscriber).
   */
  verify(by: { provider: string; clientId: string; login: string; password: string }): Promise<Subscriber>
  /**
   * Checks the code that `verify` or `sendCode` had sent; the password must have been right within the last 5 minutes.
   * @throws ServiceError `authentication_failed` (wrong or spent code, or none was asked for), `login_locked`.
   */
  verifyCode(by: { provider: string; clientId: string; login: string; code: string }): Promise<Subscriber>
  /** Sends another code where one is waited for; says nothing about whether it did. */
  sendCode(to: { provider: string; clientId: string; login: string }): Promise<void>
}
