import type { Device, Subscriber } from '../enrolment/enrolment.js'

/** What the phone API needs of enrolment. */
export interface PhoneEnrolment {
  /**
   * Spends an activation code on a device key.
   * @throws ServiceError `activation_code_invalid`, `consent_required`, `request_invalid` (not a point of P-256).
   */
  enrolDevice(request: {
    provider: string
    activationCode: string
    name: string
    platform: string
    /** JWK as it came. */
    publicKey: unknown
    /** `{credentialId, publicKey}` of the authenticator that recognises the owner, as it came. */
    webauthn?: unknown
  }): Promise<{ device: Device; subscriber: Subscriber }>
  /** Removes a device for good and ends the confirmations it gave that are not spent. */
  removeDevice(deviceId: string, actor: string): Promise<unknown>
}
