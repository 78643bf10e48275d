import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomInt,
  verify,
  X509Certificate
} from 'node:crypto'
import type { Hsm, TokenKey } from '../../src/hsm/hsm.js'
import { ceremony } from '../../src/pki/ceremony.js'
import { keyIdentifier } from '../../src/pki/certificate.js'
import type { Pki } from '../../src/pki/pki.js'

/** What differs from certificate to certificate; all of one length. */
export interface Particulars {
  spki: Uint8Array
  /** As the provider chose it, upper-case hex. */
  serialNumber: string
  /** Decimal digits that end the name, and those that end the national id. */
  number: string
}

/** Writes certificates like one that the service issued. */
export interface CertificateTemplate {
  readonly notBefore: Date
  readonly notAfter: Date
  /** What the subject was made from: the same for the row of a subscriber. */
  fullName(number: string): string
  nationalId(number: string): string
  /** Signed by the issuing CA's key in the HSM, and verified. @returns DER. */
  issue(particulars: Particulars): Promise<Buffer>
}

/** Octets of a header that says a length of two octets. */
const headerOctets = 4
const numberDigits = 7
const fullName = (number: string) => `Nguyễn Thị Thử ${number}`
const nationalId = (number: string) => `00109${number}`
const dayMs = 86_400_000
const validDays = 1826

/**
 * The service takes 10 to 25 ms of JavaScript for a certificate, which is too long for a hundred thousand. Here it
 * issues one; all others are that one with another serial, name, key and key identifier, whose encodings have the same
 * length, signed by the same key.
 */
export async function certificateTemplate(
  pki: Pki,
  hsm: Pick<Hsm, 'tokenKey'>,
  provider: string,
  now: Date
): Promise<CertificateTemplate> {
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const notAfter = new Date(notBefore.getTime() + validDays * dayMs)
  const key = await caKey(hsm, provider)
  const sample = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    format: 'der',
    type: 'spki'
  })
  const serialNumber = pki.newSerialNumber(provider)
  const number = String(randomInt(10 ** (numberDigits - 1), 10 ** numberDigits))
  const subject = {
    fullName: fullName(number),
    nationalId: nationalId(number),
    email: null,
    title: null,
    organisation: null,
    locality: null,
    province: null
  }
  const model = Buffer.from(
    await pki.issue({ provider, subject, spki: sample, serialNumber, notBefore, notAfter })
  )
  const name = subject.fullName.toLocaleUpperCase('vi')
  const places = {
    serial: placeOf(model, Buffer.from(serialNumber, 'hex')),
    name: placeOf(model, Buffer.from(name)) + Buffer.byteLength(name) - numberDigits,
    nationalId: placeOf(model, Buffer.from(subject.nationalId)) + subject.nationalId.length - numberDigits,
    spki: placeOf(model, sample),
    keyIdentifier: placeOf(model, keyIdentifier(sample))
  }
  // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, BIT STRING } (RFC 5280 §4.1)
  const tbsEnd = headerOctets + headerOctets + model.readUInt16BE(headerOctets + 2)
  const issuer = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
  const signatureOctets = (issuer.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  if (!new X509Certificate(model).verify(issuer)) throw new Error('the model is not of this CA')

  return {
    notBefore,
    notAfter,
    fullName,
    nationalId,
    async issue({ spki, serialNumber: serial, number: digits }) {
      const certificate = Buffer.from(model)
      if (digits.length !== numberDigits || spki.length !== sample.length)
        throw new RangeError(`${digits}: not as long as in the model`)
      certificate.write(serial, places.serial, 'hex')
      certificate.write(digits, places.name)
      certificate.write(digits, places.nationalId)
      certificate.set(spki, places.spki)
      certificate.set(keyIdentifier(spki), places.keyIdentifier)
      const tbs = certificate.subarray(headerOctets, tbsEnd)
      const digest = createHash('sha256').update(tbs).digest()
      const signature = await key.sign({ type: 'pkcs1', hash: 'SHA-256' }, digest, 'p1363')
      if (signature.length !== signatureOctets || !verify('sha256', tbs, issuer, signature))
        throw new Error(`the CA's signature over certificate ${digits} is wrong`)
      certificate.set(signature, certificate.length - signatureOctets)
      return certificate
    }
  }
}

/** Where the octets are, which must be nowhere else. */
function placeOf(model: Buffer, octets: Uint8Array): number {
  const at = model.indexOf(octets)
  if (at < 0 || model.indexOf(octets, at + 1) >= 0)
    throw new Error('the model certificate is not as expected')
  return at
}

function caKey(hsm: Pick<Hsm, 'tokenKey'>, provider: string): Promise<TokenKey> {
  const of = ceremony().authorities.find((authority) => authority.provider === provider)
  if (of === undefined || !of.algorithm.startsWith('RSA-'))
    throw new TypeError(`the CA of ${provider} has no RSA key`)
  return hsm.tokenKey(`ca:${provider}`, of.algorithm)
}
