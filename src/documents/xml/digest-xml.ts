import { randomUUID, X509Certificate } from 'node:crypto'
import type { XmlRequest } from '../documents.js'
import { DocumentRefusal } from '../refusal.js'
import { SignedXml, select, type XmlDocument } from './libraries.js'
import { readNodePath } from './node-path.js'
import { readXml } from './read.js'

const algorithms = {
  /** Inclusive, of SignedInfo. */
  c14n: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  exclusiveC14n: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  enveloped: 'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
  rsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256'
} as const
/** Of a signature over the whole document. */
const wholeReference =
  "//*[namespace-uri()='http://www.w3.org/2000/09/xmldsig#' and local-name()='Reference' and @URI='']"
/** References of one signature. */
const nodesMax = 20

/** An XML document with a mark in the place of its signature's value. */
export interface DigestedXml {
  document: string
  /** What is signed: SignedInfo in its canonical form. */
  signedInfo: string
  signatureId: string
  /** Stands where the value goes, and nowhere else. */
  mark: string
}

/**
 * Adds an enveloped signature whose value is missing (XMLDSig 1.1 §3.1): RSA-SHA256 over SignedInfo in inclusive C14N,
 * references enveloped and in exclusive C14N.
 * @throws DocumentRefusal
 */
export function digestXml(request: XmlRequest): DigestedXml {
  const document = readXml(request.document)
  if (some(document, wholeReference))
    throw new DocumentRefusal('The XML holds a signature over all of it, which a further one would break.')
  const nodes = request.nodes.length === 0 ? ['/*'] : request.nodes.map(readNodePath)
  if (nodes.length > nodesMax) throw new DocumentRefusal(`At most ${nodesMax} nodes are signed.`)
  for (const node of nodes) requireOne(document, node)
  const place = request.location === null ? '/*' : readNodePath(request.location)
  requireOne(document, place)

  const signatureId = request.signatureId ?? `sig-${randomUUID()}`
  const mark = `mark${randomUUID().replaceAll('-', '')}`
  let signedInfo = ''
  const signed = new SignedXml({
    privateKey: 'elsewhere',
    canonicalizationAlgorithm: algorithms.c14n,
    signatureAlgorithm: algorithms.rsaSha256,
    getKeyInfoContent: () => keyInfo(request.certificate)
  })
  /** Keeps what is to be signed; the key is not here. */
  class Elsewhere {
    getSignature(info: string): string {
      signedInfo = info
      return mark
    }
    getAlgorithmName = () => algorithms.rsaSha256
  }
  signed.SignatureAlgorithms = { [algorithms.rsaSha256]: Elsewhere }
  for (const node of nodes)
    signed.addReference({
      xpath: node,
      isEmptyUri: request.nodes.length === 0,
      digestAlgorithm: algorithms.sha256,
      transforms: [algorithms.enveloped, algorithms.exclusiveC14n]
    })
  signed.computeSignature(request.document, {
    attrs: { Id: signatureId },
    location: { reference: place, action: 'append' }
  })
  const made = signed.getSignedXml()
  if (signedInfo === '' || made.split(mark).length !== 2)
    throw new TypeError('the signature was not written as expected')
  return { document: made, signedInfo, signatureId, mark }
}

function some(document: XmlDocument, expression: string): boolean {
  const found = select(expression, document)
  return Array.isArray(found) && found.length > 0
}

function requireOne(document: XmlDocument, expression: string): void {
  const found = select(expression, document)
  if (!Array.isArray(found) || found.length !== 1)
    throw new DocumentRefusal('A node that is named is not there, or there are several.')
}

function keyInfo(certificate: Uint8Array): string {
  const { subject } = new X509Certificate(certificate)
  const name = subject.split('\n').reverse().join(',')
  const base64 = Buffer.from(certificate).toString('base64')
  return `<X509Data><X509SubjectName>${escaped(name)}</X509SubjectName><X509Certificate>${base64}</X509Certificate></X509Data>`
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one] ?? '')
