import type { Diagnosis } from '../../transactions/request-notes.js'
import { type DigestInfo, readDigestInfo, readDoubledDigestInfo, sha256Octets } from './digest-info.js'
import type { Findings } from './findings.js'

/** How a dialect writes the digest to be signed. `digest-info`: base64 of the DER DigestInfo. */
export type DigestForm = 'hex' | 'base64' | 'digest-info'

/** What a form is called in a remedy. */
const formNames: Readonly<Record<DigestForm, string>> = {
  hex: 'the SHA-256 digest as 64 lower-case hexadecimal characters',
  base64: 'the SHA-256 digest as base64 of its 32 octets (44 characters)',
  'digest-info': 'base64 of the 51 octets of the DER DigestInfo with SHA-256 (68 characters)'
}
/** Longer than any digest in any form, doubled or encoded twice: it is a document. */
const digestOctetsMax = 140

/**
 * Decodes a digest, once and at the edge. What is in another form than the dialect's is taken from a lenient relying
 * party if it can be read in one way only; 64 hexadecimal characters where base64 is expected are base64 of 48 octets
 * as well, and so are refused from everybody.
 * @param text As sent.
 * @param of.field The member, as the dialect calls it.
 * @returns 32 octets.
 * @throws ServiceError `request_invalid`, `digest_length_wrong`, `hash_algorithm_refused`.
 */
export function readDigest(
  text: string,
  { form, field, findings }: { form: DigestForm; field: string; findings: Findings }
): Uint8Array {
  const remedy = `Send ${formNames[form]}.`
  const about = (code: string, found: string): Diagnosis => ({ code, field, found, remedy })

  const bare = text.replace(/\s+/g, '')
  if (bare === '') findings.refuse(about('digest_missing', 'The digest is empty.'))
  if (bare !== text) findings.forgive(about('digest_with_space', 'The digest holds spaces or line breaks.'))
  return digestIn(decode(bare, form, about, findings), form, about, findings)
}

type About = (code: string, found: string) => Diagnosis

/** From characters to octets. */
function decode(text: string, form: DigestForm, about: About, findings: Findings): Uint8Array {
  const hex = readHex(text)
  const base64 = readBase64(text)
  if (form === 'hex') {
    if (hex !== null) return hex
    if (base64 === null)
      findings.refuse(about('digest_unreadable', 'The digest is neither hexadecimal nor base64.'))
    requireDigestSize(base64, about, findings)
    findings.forgive(about('digest_base64_for_hex', 'The digest is written in base64, not in hexadecimal.'))
    return base64
  }
  if (hex?.length === sha256Octets) {
    const found = 'The digest is written in hexadecimal, and its 64 characters are also base64 of 48 octets.'
    findings.refuse(about('digest_hex_for_base64', found))
  }
  if (base64 !== null) return base64
  if (hex !== null) {
    findings.forgive(about('digest_hex_for_base64', 'The digest is written in hexadecimal, not in base64.'))
    return hex
  }
  const loose = readBase64(withPadding(text.replaceAll('-', '+').replaceAll('_', '/')))
  if (loose === null) findings.refuse(about('digest_unreadable', 'The digest is not base64.'))
  findings.forgive(about('digest_base64url', 'The digest is written in base64url or without its padding.'))
  return loose
}

/** From octets to the digest in them. */
function digestIn(octets: Uint8Array, form: DigestForm, about: About, findings: Findings): Uint8Array {
  const info = readDigestInfo(octets)
  if (info !== null) {
    if (form !== 'digest-info')
      findings.forgive(
        about('digest_info_for_digest', 'A whole DigestInfo was sent where the digest alone belongs.')
      )
    return fromInfo(info, about, findings)
  }
  const doubled = readDoubledDigestInfo(octets)
  if (doubled !== null) {
    findings.forgive(about('digest_info_doubled', 'A DigestInfo is wrapped in another one.'))
    return fromInfo(doubled, about, findings)
  }
  if (octets.length === sha256Octets) {
    if (form === 'digest-info')
      findings.forgive(about('digest_without_info', 'The bare digest was sent where a DigestInfo belongs.'))
    return octets
  }
  const inner = readTextInside(octets)
  if (inner !== null) {
    findings.forgive(about('digest_encoded_twice', 'The digest was encoded as text twice.'))
    return inner
  }
  requireDigestSize(octets, about, findings)
  const other = { 20: 'SHA-1', 28: 'SHA-224', 48: 'SHA-384', 64: 'SHA-512' }[octets.length]
  if (other !== undefined)
    findings.refuse(
      about('digest_of_other_hash', `The digest has the length of ${other}.`),
      'hash_algorithm_refused'
    )
  findings.refuse(about('digest_length', `The digest has ${octets.length} octets.`), 'digest_length_wrong')
}

function fromInfo({ hash, digest, parameters }: DigestInfo, about: About, findings: Findings): Uint8Array {
  if (hash !== 'SHA-256')
    findings.refuse(about('digest_of_other_hash', `The DigestInfo names ${hash}.`), 'hash_algorithm_refused')
  if (!parameters)
    findings.forgive(
      about('digest_info_without_null', 'The DigestInfo leaves out the NULL after its algorithm.')
    )
  return digest
}

function requireDigestSize(octets: Uint8Array, about: About, findings: Findings): void {
  if (octets.length <= digestOctetsMax) return
  const found = `${octets.length} octets were sent: a document, not the digest of one.`
  findings.refuse(about('document_for_digest', found), 'digest_length_wrong')
}

/** A digest as text that was encoded once more. */
function readTextInside(octets: Uint8Array): Uint8Array | null {
  const text = Buffer.from(octets).toString('latin1')
  const inner = readHex(text) ?? readBase64(text)
  return inner?.length === sha256Octets ? inner : null
}

function readHex(text: string): Uint8Array | null {
  return /^(?:[0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text, 'hex') : null
}

/** Only the one text that stands for its octets (RFC 4648 §4 and §3.5). */
function readBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null
  const octets = Buffer.from(text, 'base64')
  return octets.toString('base64') === text ? octets : null
}

const withPadding = (text: string): string => {
  const bare = text.replace(/=+$/, '')
  return bare.padEnd(Math.ceil(bare.length / 4) * 4, '=')
}
