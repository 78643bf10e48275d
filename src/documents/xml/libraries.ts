import { createRequire } from 'node:module'

/*
 * The libraries of XML, typed by what is used of them: their own types bring those of the browser into every file of the
 * house, where they stand in the way of Node's.
 */

/** A node of a parsed document. */
export interface XmlNode {
  nodeType: number
  nodeName: string
  firstChild: XmlNode | null
  nextSibling: XmlNode | null
  /** Of elements alone. */
  getAttribute(name: string): string | null
  /** Of elements alone. */
  attributes: { length: number; item(index: number): { nodeName: string } | null }
}
export interface XmlDocument {
  firstChild: XmlNode | null
  documentElement: XmlNode | null
}

interface Parser {
  DOMParser: new (options: {
    errorHandler: Record<'warning' | 'error' | 'fatalError', (message: unknown) => never>
  }) => { parseFromString(text: string, type: string): XmlDocument | undefined }
}

/** How a signature is made by somebody else. */
export interface XmlSignatureAlgorithm {
  getSignature(signedInfo: string): string
  getAlgorithmName(): string
}

interface Signer {
  SignedXml: new (options: {
    privateKey: string
    canonicalizationAlgorithm: string
    signatureAlgorithm: string
    getKeyInfoContent: () => string
  }) => {
    SignatureAlgorithms: Record<string, new () => XmlSignatureAlgorithm>
    addReference(reference: {
      xpath: string
      isEmptyUri: boolean
      digestAlgorithm: string
      transforms: readonly string[]
    }): void
    computeSignature(
      xml: string,
      options: { attrs: Record<string, string>; location: { reference: string; action: 'append' } }
    ): void
    getSignedXml(): string
  }
}

interface XPath {
  select(expression: string, node: XmlDocument): unknown
}

const require = createRequire(import.meta.url)
export const { DOMParser }: Parser = require('@xmldom/xmldom')
export const { SignedXml }: Signer = require('xml-crypto')
export const { select }: XPath = require('xpath')
