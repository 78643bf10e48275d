/** What the portal knows of a remote-signing provider: the same for all of them, whatever their own API looks like. */

/** The providers of the portal's list. */
export type AuthorityId = 'viettel' | 'vnpt' | 'misa' | 'nacencomm'

/** What a signer types in at the portal. */
export interface SignerLogin {
  /** "Tên đăng nhập cts". */
  name: string
  /** "Mật khẩu cts"; null where the provider asks for none. Used for the call, never kept. */
  password: string | null
}

/** A signer's certificate at a provider: what "Lấy thông tin" fills in. */
export interface SignerCertificate {
  /** How the provider names the key in its own calls. */
  keyId: string
  /** Upper-case hexadecimal. */
  serialNumber: string
  /** RFC 4514. */
  subject: string
  commonName: string
  organisation: string | null
  title: string | null
  notBefore: Date
  notAfter: Date
  /** DER: the signer's own first, then the CAs above it. */
  chain: readonly Uint8Array[]
}

/** A document whose digest is to be signed. */
export interface DigestToSign {
  /** The portal's own name of the document, shown on the device. */
  name: string
  /** SHA-256 of the CMS signed attributes, 32 octets. */
  digest: Uint8Array
}

/** How a request stands. Signatures are RSASSA-PKCS1-v1_5 values, in the order asked. */
export type SignatureOutcome =
  | { status: 'waiting' }
  | { status: 'signed'; signatures: readonly Uint8Array[] }
  | { status: 'refused' }
  | { status: 'expired' }
  | { status: 'failed'; reason: string }

/** A request that waits for its signer. */
export interface SignatureRequest {
  /** The provider's name of the transaction. */
  transactionId: string
  /** Asks the provider how it stands. @throws AuthorityError when the provider does not answer; ask again. */
  outcome(): Promise<SignatureOutcome>
}

/** Where a provider answers, and as whom the portal calls it. */
export interface AuthorityOptions {
  /** What its documents call the host, such as `https://remotesigning.viettel.vn`; no slash at the end. */
  url: string
  /** What the provider gave to the portal. */
  clientId: string
  clientSecret: string
}

/** A provider, in its own dialect. */
export interface RemoteAuthority {
  id: AuthorityId
  /** As the portal's list has it, such as `VIETTEL SMART CA`. */
  label: string
  asksPassword: boolean
  /** An example of a login, shown in the form. */
  loginExample: string
  /** @throws AuthorityError with a sentence for the person at the portal. */
  certificates(login: SignerLogin): Promise<readonly SignerCertificate[]>
  /**
   * Asks the signer, once, for signatures over all the digests.
   * @param description What the signer reads on the device.
   * @throws AuthorityError
   */
  requestSignatures(
    login: SignerLogin,
    certificate: SignerCertificate,
    documents: readonly DigestToSign[],
    description: string
  ): Promise<SignatureRequest>
}

/** Something did not work at a provider. `message` is a Vietnamese sentence for the person at the portal. */
export class AuthorityError extends Error {
  /** @param detail What the provider answered, for the portal's log. */
  constructor(
    message: string,
    readonly detail: string
  ) {
    super(message)
    this.name = 'AuthorityError'
  }
}
