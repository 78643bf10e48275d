import { constants, createHash, type KeyObject, verify, X509Certificate } from 'node:crypto'
import type { Credential } from '../server/credentials.js'

/** A hash by its names. */
export interface Hash {
  name: 'sha256' | 'sha384' | 'sha512'
  oid: string
  octets: number
}

export const sha256: Hash = { name: 'sha256', oid: '2.16.840.1.101.3.4.2.1', octets: 32 }
export const sha384: Hash = { name: 'sha384', oid: '2.16.840.1.101.3.4.2.2', octets: 48 }
export const sha512: Hash = { name: 'sha512', oid: '2.16.840.1.101.3.4.2.3', octets: 64 }
export const sha1Oid = '1.3.14.3.2.26'

export const rsaEncryption = '1.2.840.113549.1.1.1'
export const rsassaPss = '1.2.840.113549.1.1.10'
export const ecPublicKey = '1.2.840.10045.2.1'

type Form = 'pkcs1' | 'pss' | 'ecdsa' | 'ecdsa-plain'
/** Algorithms whose signatures are verified here, with the hashes each goes with. `null`: the request names it. */
const algorithms: Readonly<Record<string, { form: Form; hash: Hash | null }>> = {
  [rsaEncryption]: { form: 'pkcs1', hash: null },
  '1.2.840.113549.1.1.11': { form: 'pkcs1', hash: sha256 },
  '1.2.840.113549.1.1.12': { form: 'pkcs1', hash: sha384 },
  '1.2.840.113549.1.1.13': { form: 'pkcs1', hash: sha512 },
  [rsassaPss]: { form: 'pss', hash: null },
  [ecPublicKey]: { form: 'ecdsa', hash: null },
  '1.2.840.10045.4.3.2': { form: 'ecdsa', hash: sha256 },
  '1.2.840.10045.4.3.3': { form: 'ecdsa', hash: sha384 },
  '1.2.840.10045.4.3.4': { form: 'ecdsa', hash: sha512 },
  '0.4.0.127.0.7.1.1.4.1.3': { form: 'ecdsa-plain', hash: sha256 }
}

/** What signHash is told beside the digests. */
export interface Scheme {
  signAlgo: string
  /** base64 of DER. */
  signAlgoParams?: string
  hash: Hash
  /** Whether signHash must name the hash, since nothing else does. */
  namesHash: boolean
  form: Form
  /** Octets, of PSS. */
  saltLength?: number
}

/** Every scheme that can be verified here and goes with a signature algorithm of `key.algo`. */
export function schemesOf(signAlgo: string): Scheme[] {
  const algorithm = algorithms[signAlgo]
  if (algorithm === undefined) return []
  const { form, hash } = algorithm
  const scheme = (hash: Hash, namesHash: boolean): Scheme => ({
    ...{ signAlgo, hash, namesHash, form },
    ...(form === 'pss' ? { signAlgoParams: pssParams(hash, hash.octets), saltLength: hash.octets } : {})
  })
  return hash === null
    ? [sha256, sha384, sha512].map((one) => scheme(one, form !== 'pss'))
    : [scheme(hash, false)]
}

/** The simplest scheme of a credential: SHA-256, named by the signature algorithm where it can be. */
export function plainScheme({ algorithms: listed }: Pick<Credential, 'algorithms'>): Scheme | null {
  const all = listed.flatMap(schemesOf).filter(({ hash, form }) => hash === sha256 && form !== 'ecdsa-plain')
  return all.find(({ namesHash, form }) => !namesHash && form !== 'pss') ?? all[0] ?? null
}

/** RSASSA-PSS-params (RFC 4055 section 3.1), as DER in base64. */
export function pssParams({ oid }: Hash, saltLength: number): string {
  const nothing = Buffer.from([0x05, 0x00])
  const sha2 = Buffer.from([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, Number(oid.at(-1))])
  const hash = tagged(0x30, tagged(0x06, sha2), nothing)
  const mgf1 = Buffer.from([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08])
  // An INTEGER whose first bit is set would be negative.
  const salt = tagged(0x02, Buffer.from(saltLength < 128 ? [saltLength] : [0, saltLength]))
  const parts = [hash, tagged(0x30, tagged(0x06, mgf1), hash), salt]
  return tagged(0x30, ...parts.map((part, index) => tagged(0xa0 + index, part))).toString('base64')
}

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, content.length]), content])
}

/** A made-up document and its digest. */
export interface Document {
  content: Buffer
  digest: Buffer
}

/** The digest of `content`. */
export const documentOf = (content: Buffer, { name }: Hash): Document => ({
  content,
  digest: createHash(name).update(content).digest()
})

/** Why a signature is not good, or null. */
export function flaw(
  signature: Buffer,
  document: Document,
  scheme: Scheme,
  certificate: Buffer
): string | null {
  const key = new X509Certificate(certificate).publicKey
  const { form, hash } = scheme
  if (form === 'ecdsa' && !isEcdsaSigValue(signature)) return 'the signature is not a DER ECDSA-Sig-Value'
  return verify(hash.name, document.content, how(key, scheme), signature)
    ? null
    : 'the signature does not verify'
}

function how(key: KeyObject, { form, saltLength }: Scheme) {
  if (form === 'pkcs1') return { key, padding: constants.RSA_PKCS1_PADDING }
  if (form === 'pss') return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLength ?? 0 }
  return { key, dsaEncoding: form === 'ecdsa' ? ('der' as const) : ('ieee-p1363' as const) }
}

/** SEQUENCE of two INTEGERs and nothing else (RFC 3279 section 2.2.3). */
function isEcdsaSigValue(octets: Buffer): boolean {
  const [tag, length] = octets
  if (tag !== 0x30 || length !== octets.length - 2) return false
  const first = octets[3] ?? 0
  const second = octets[5 + first] ?? 0
  return octets[2] === 0x02 && octets[4 + first] === 0x02 && 6 + first + second === octets.length
}
