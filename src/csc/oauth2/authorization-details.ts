import type { CredentialAsked } from '../../access/oauth/oauth.js'
import { documentNameMaxLength } from '../../activation/ask.js'
import { displayText } from '../../activation/display-text.js'
import { hashByOid, hashes } from '../../hsm/hashes.js'
import { digestsMax, readDigests } from '../digests.js'
import { CscFault } from '../faults.js'
import { readNamed, toBase64 } from './credential-parameters.js'

/** Of CSC API 2.0 and 2.1, and of 2.2 (§8.4.2). */
export const detailTypes = ['credential', 'https://cloudsignatureconsortium.org/2025/credential'] as const

/** RFC 9396 §5. */
export const detailsFault = () =>
  new CscFault(400, 'invalid_authorization_details', 'Invalid parameter authorization_details')

/** Read from `authorization_details`; of either type. */
type Details = Pick<
  CredentialAsked,
  'credentialId' | 'signatureQualifier' | 'numSignatures' | 'hash' | 'digests' | 'documentNames'
>

/**
 * Reads `authorization_details`: an array of one object that says all about the credential and what it shall sign
 * (CSC API v2 §8.4.2, RFC 9396 §2). Members that the type does not have are ignored.
 * @param anyBase64 Whether digests are taken as base64url too, and without padding.
 * @throws CscFault `invalid_authorization_details`.
 */
export function readDetails(text: string, anyBase64: boolean): Details {
  const entry = onlyEntry(text)
  if (!detailTypes.some((type) => type === entry.type)) throw detailsFault()
  const named = readNamed(present(entry), {
    missing: detailsFault(),
    credential: detailsFault(),
    qualifier: detailsFault()
  })
  const documents = entry.documentDigests ?? []
  if (!Array.isArray(documents) || documents.length > digestsMax) throw detailsFault()
  const read = documents.map(readDocument)
  const numSignatures = entry.numSignatures ?? (read.length === 0 ? null : read.length)
  if (typeof numSignatures !== 'number' || !Number.isInteger(numSignatures)) throw detailsFault()
  if (numSignatures < 1 || numSignatures > digestsMax) throw detailsFault()
  if (read.length > numSignatures) throw detailsFault()
  const documentNames = read.map(({ label }, index) => (label === '' ? `Tài liệu ${index + 1}` : label))
  if (read.length === 0) return { ...named, numSignatures, hash: null, digests: [], documentNames }

  const { hashAlgorithmOID } = entry
  const hash = typeof hashAlgorithmOID === 'string' ? hashByOid(hashAlgorithmOID) : null
  if (hash === null) throw detailsFault()
  try {
    const digests = readDigests(
      read.map((document) => document.hash),
      hash,
      anyBase64
    ).map(toBase64)
    return { ...named, numSignatures, hash, digests, documentNames }
  } catch {
    throw detailsFault()
  }
}

/**
 * Whether the details of an exchange are those of its request: digests as octets, in whatever order; the credential as
 * named, or as it was chosen.
 */
export function sameDetails(
  asked: CredentialAsked,
  credentialId: string | null,
  text: string,
  anyBase64: boolean
): boolean {
  const again = readDetails(text, anyBase64)
  const ids = [asked.credentialId, credentialId].filter((id) => id !== null)
  if (again.credentialId === null ? asked.credentialId !== null : !ids.includes(again.credentialId))
    return false
  if (again.credentialId === null && again.signatureQualifier !== asked.signatureQualifier) return false
  return (
    again.hash === asked.hash &&
    again.numSignatures === asked.numSignatures &&
    [...again.digests].sort().join() === [...asked.digests].sort().join()
  )
}

/** What was granted: the details as they came, with the credential that was chosen where none was named. */
export function grantedDetails(details: string, credentialId: string): unknown {
  return [{ ...onlyEntry(details), credentialID: credentialId }]
}

type Entry = Readonly<Record<string, unknown>>

/** The one object of the array. @throws CscFault */
export function onlyEntry(text: string): Entry {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    throw detailsFault()
  }
  const entry: unknown = Array.isArray(list) && list.length === 1 ? list[0] : null
  if (!isObject(entry)) throw detailsFault()
  return entry
}

function readDocument(document: unknown): { hash: string; label: string } {
  if (!isObject(document)) throw detailsFault()
  const { hash, label, hashType } = document
  // Only what is to be signed as it is; from a document's own digest a signature would have to be built.
  const known = hashType == null || (typeof hashType === 'string' && hashType.toLowerCase() === 'dtbsr')
  if (typeof hash !== 'string' || !known || hash.length > 2 * maxDigestOctets || hash === '')
    throw detailsFault()
  if (label != null && typeof label !== 'string') throw detailsFault()
  return { hash, label: displayText(label ?? '', documentNameMaxLength) }
}

const maxDigestOctets = Math.max(...Object.values(hashes).map(({ octets }) => octets))
export const isObject = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Clients write null for what they do not have. */
const present = ({ credentialID, signatureQualifier }: Entry) => ({
  ...(credentialID == null ? {} : { credentialID }),
  ...(signatureQualifier == null ? {} : { signatureQualifier })
})
