/** Certificates as providers answer them: read, and checked before anything is built on them. */
import 'reflect-metadata' // @peculiar/x509 asks for it
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { complain } from './complaints.js'
import type { SignerCertificate } from './remote-authority.js'

/** Signer, issuing CA, root. */
const chainLength = { least: 2, most: 5 }

/** A certificate as it was listed. */
export interface ListedCertificate {
  keyId: string
  /** DER in base64, with or without line breaks: the signer's own first. */
  chain: readonly string[]
}

/**
 * What the portal fills in, without certificates of other keys than RSA, which documents of the Treasury are not signed
 * by. Whether the root is one to be trusted is a question of its own: a portal compares it with the national root.
 * @throws AuthorityError where a chain is missing or broken, or nothing is left.
 */
export function readCertificates(label: string, listed: readonly ListedCertificate[]): SignerCertificate[] {
  const found = listed.flatMap(({ keyId, chain }): SignerCertificate[] => {
    const ders = chain.map((text) => Uint8Array.from(Buffer.from(text, 'base64')))
    const [leaf] = checkedChain(label, ders)
    if (leaf.publicKey.asymmetricKeyType !== 'rsa') return []
    const { subject, subjectName, serialNumber, notBefore, notAfter } = new x509.X509Certificate(leaf.raw)
    const [commonName = ''] = subjectName.getField('CN')
    const [organisation = null] = subjectName.getField('O')
    const [title = null] = subjectName.getField('T')
    const names = { subject, commonName, organisation, title }
    return [{ keyId, serialNumber: serialNumber.toUpperCase(), ...names, notBefore, notAfter, chain: ders }]
  })
  if (found.length === 0) throw complain(label, 'certificateMissing', `none of ${listed.length} is usable`)
  return found
}

/** Every certificate must be issued by the next one, the last one by itself. */
function checkedChain(label: string, ders: readonly Uint8Array[]): [X509Certificate, ...X509Certificate[]] {
  const broken = (why: string) => complain(label, 'unexpected', `certificate chain: ${why}`)
  let chain: X509Certificate[]
  try {
    chain = ders.map((der) => new X509Certificate(der))
  } catch (cause) {
    throw broken(String(cause))
  }
  const [leaf, ...above] = chain
  if (leaf === undefined || chain.length < chainLength.least || chain.length > chainLength.most)
    throw broken(`${chain.length} certificates`)
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1] ?? certificate
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey))
      throw broken(`number ${index + 1} is not issued by the next one`)
  }
  return [leaf, ...above]
}
