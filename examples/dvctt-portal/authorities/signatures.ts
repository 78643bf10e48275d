/** What is asked to be signed, and what comes back. */
import { constants, publicDecrypt, X509Certificate } from 'node:crypto'
import type { DigestToSign, SignatureOutcome, SignerCertificate } from './remote-authority.js'

/** What every provider of the list takes in one request. */
const documentsMax = 50
const sha256Octets = 32
/** DER of a DigestInfo with SHA-256, up to its digest (RFC 8017 §9.2, note 1). */
const digestInfoPrefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')

export const digestInfoOf = (digest: Uint8Array): Buffer => Buffer.concat([digestInfoPrefix, digest])

export const base64 = (octets: Uint8Array | string): string => Buffer.from(octets).toString('base64')

/** The first characters of a text, where a provider takes no more. */
export const clipped = (text: string, charactersMax: number): string =>
  [...text].slice(0, charactersMax).join('')

/** @throws RangeError for what the portal must not ask for. */
export function requireDocuments(documents: readonly DigestToSign[]): void {
  if (documents.length === 0 || documents.length > documentsMax)
    throw new RangeError(`${documents.length} documents; 1 to ${documentsMax} are signed at once`)
  if (documents.some(({ digest }) => digest.length !== sha256Octets))
    throw new RangeError(`a digest does not have ${sha256Octets} octets`)
}

/**
 * The outcome for signatures that a provider answered, in base64: signed, when each of them is there and verifies with
 * the signer's key over the digest that was asked for.
 */
export function outcomeOf(
  certificate: SignerCertificate,
  documents: readonly DigestToSign[],
  signatures: readonly (string | null | undefined)[]
): SignatureOutcome {
  const [leaf] = certificate.chain
  if (leaf === undefined) throw new RangeError('there is no certificate')
  const { publicKey } = new X509Certificate(leaf)
  const read = documents.map((_, index) => Buffer.from(signatures[index] ?? '', 'base64'))
  const areGood = documents.every(({ digest }, index) => {
    const padding = constants.RSA_PKCS1_PADDING
    try {
      const signed = publicDecrypt({ key: publicKey, padding }, read[index] ?? Buffer.alloc(0))
      return signed.equals(digestInfoOf(digest))
    } catch {
      return false
    }
  })
  return areGood && signatures.length === documents.length
    ? { status: 'signed', signatures: read }
    : { status: 'failed', reason: 'Chữ ký nhận được không khớp với chứng thư số và tài liệu. Hãy ký lại.' }
}

/** Why nothing was signed, where more than one provider says so. */
export const failures = {
  unsigned: 'Đã xác nhận nhưng nhà cung cấp không ký được. Hãy ký lại.',
  withdrawn:
    'Chứng thư số hoặc thiết bị không còn dùng được nên yêu cầu ký bị huỷ. Hãy liên hệ nhà cung cấp rồi ký lại.'
} as const
