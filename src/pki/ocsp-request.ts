import { contentsOf, type Element, membersOf, readElements } from './der-reader.js'

/** CertIDs one request may ask about. */
export const certIdsAtMost = 32

/** Octets of a request; `certIdsAtMost` with SHA-512 hashes and a nonce fit. */
export const requestOctetsAtMost = 8192

/** OBJECT IDENTIFIERs are compared as the hex of their contents. */
const idPkixOcsp = '2b06010505073001'
const idNonce = `${idPkixOcsp}02`
/** Extensions that may be ignored with good conscience even when critical: response types, algorithm preferences. */
const harmless: readonly string[] = [`${idPkixOcsp}04`, `${idPkixOcsp}08`]

/** A certificate that is asked about (RFC 6960 §4.1.1). */
export interface CertId {
  /** As it came, to be answered with. */
  der: Uint8Array
  /** Contents of the hash algorithm's OBJECT IDENTIFIER, hex. */
  hashOid: string
  issuerNameHash: Buffer
  issuerKeyHash: Buffer
  /** Contents of the INTEGER. */
  serialNumber: Buffer
}

/** What a request asks for. */
export interface OcspRequest {
  certIds: CertId[]
  /** The Extension, DER, to be echoed as it came. */
  nonce: Uint8Array | null
}

interface Extension {
  id: string
  critical: boolean
  value: Buffer
  der: Uint8Array
}

/**
 * Reads an OCSP request (RFC 6960 §4.1). A signature on it is not looked at: everybody may ask.
 * @returns Null for what has to be answered with malformedRequest.
 */
export function readOcspRequest(der: Uint8Array): OcspRequest | null {
  if (der.length > requestOctetsAtMost) return null
  try {
    return read(Buffer.from(der.buffer, der.byteOffset, der.byteLength))
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function read(octets: Buffer): OcspRequest {
  const [request, ...tail] = readElements(octets)
  if (tail.length > 0) malformed('something behind the request')
  const [tbsRequest, ...signature] = optional(membersOf(request), [0x30, explicit(0)])
  if (signature.length > 1) malformed('more than a request and its signature')

  // §4.1.1: TBSRequest ::= { [0] version, [1] requestorName, requestList, [2] requestExtensions }
  const members = optional(membersOf(tbsRequest), [explicit(0), explicit(1), 0x30, explicit(2)])
  const member = (tag: number) => members.find((element) => element.tag === tag)
  const version = member(explicit(0))
  if (version !== undefined && !isVersion1(version)) malformed('another version')
  const list = membersOf(member(0x30))
  if (list.length === 0 || list.length > certIdsAtMost) malformed(`${list.length} CertIDs`)
  const singles = list.map((single) => optional(membersOf(single), [0x30, explicit(0)]))
  const requestExtensions = extensionsIn(member(explicit(2)))
  const nonces = requestExtensions.filter(({ id }) => id === idNonce)
  if (nonces.length > 1 || nonces.some(({ value }) => !isNonce(value))) malformed('its nonce')

  // §4.1.2: what is critical and not understood must not be ignored
  const all = [...requestExtensions, ...singles.flatMap(([, extensions]) => extensionsIn(extensions))]
  if (all.some(({ id, critical }) => critical && id !== idNonce && !harmless.includes(id)))
    malformed('a critical extension')
  return { certIds: singles.map(([certId]) => certIdOf(certId)), nonce: nonces[0]?.der ?? null }
}

function certIdOf(element: Element | undefined): CertId {
  const [algorithm, name, key, serial, ...more] = membersOf(element)
  const [oid] = membersOf(algorithm)
  const serialNumber = contentsOf(serial, 0x02)
  if (element === undefined || more.length > 0 || serialNumber.length === 0) malformed('a CertID')
  return {
    der: element.der,
    hashOid: contentsOf(oid, 0x06).toString('hex'),
    issuerNameHash: contentsOf(name, 0x04),
    issuerKeyHash: contentsOf(key, 0x04),
    serialNumber
  }
}

/** Extensions inside their explicit tag, if they are there at all (RFC 5280 §4.1.2.9). */
function extensionsIn(element: Element | undefined): Extension[] {
  if (element === undefined) return []
  const [extensions, ...more] = readElements(element.contents)
  if (more.length > 0) malformed('extensions')
  return membersOf(extensions).map((extension) => {
    const [id, ...rest] = membersOf(extension)
    const critical = rest.length === 2 ? contentsOf(rest[0], 0x01) : null
    if (rest.length > 2) malformed('an extension')
    return {
      id: contentsOf(id, 0x06).toString('hex'),
      critical: critical !== null && critical[0] !== 0,
      value: contentsOf(rest.at(-1), 0x04),
      der: extension.der
    }
  })
}

/** RFC 9654 §2.1: an OCTET STRING of 1 to 128 octets inside the extension's own. */
function isNonce(value: Buffer): boolean {
  const [nonce, ...more] = readElements(value)
  const { length } = contentsOf(nonce, 0x04)
  return more.length === 0 && length >= 1 && length <= 128
}

/** `[0] EXPLICIT INTEGER { v1(0) }`. */
function isVersion1(element: Element): boolean {
  return element.contents.equals(Buffer.of(0x02, 1, 0))
}

/** Members whose tags are among `tags` in that order, each at most once. */
function optional(members: Element[], tags: readonly number[]): Element[] {
  let next = 0
  for (const { tag } of members) {
    next = tags.indexOf(tag, next) + 1
    if (next === 0) malformed(`a member with tag ${tag}`)
  }
  return members
}

const explicit = (n: number) => 0xa0 | n

function malformed(what: string): never {
  throw new RangeError(`not an OCSP request: ${what}`)
}
