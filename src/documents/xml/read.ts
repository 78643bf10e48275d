import { DocumentRefusal } from '../refusal.js'
import { DOMParser, type XmlDocument, type XmlNode } from './libraries.js'

/** Elements within each other, and all of them. */
const depthMax = 100
const elementsMax = 100_000

/**
 * Reads XML without a document type, so that nothing in it is expanded or fetched.
 * @throws DocumentRefusal for what is not well-formed, too deep, or names two elements alike: of two with one Id, a
 *   signature would cover one and a reader might see the other.
 */
export function readXml(text: string): XmlDocument {
  if (/<!\s*(DOCTYPE|ENTITY)/i.test(text)) throw new DocumentRefusal('XML with a document type is not taken.')
  requireLegal(text)
  const fail = (message: unknown): never => {
    throw new DocumentRefusal('The XML is not well-formed.', { cause: message })
  }
  const parser = new DOMParser({ errorHandler: { warning: fail, error: fail, fatalError: fail } })
  const document = parser.parseFromString(text, 'text/xml')
  if (!document?.documentElement) throw new DocumentRefusal('The XML has no element.')
  for (let node = document.firstChild; node !== null; node = node.nextSibling) refuseInstruction(node)
  requirePlain(document.documentElement)
  return document
}

/**
 * Characters that XML has (XML 1.0 §2.2), as they are and as references: the parser lets all pass, and whoever verifies
 * does not. The document is signed and answered in UTF-8, and must not say anything else of itself.
 */
function requireLegal(text: string): void {
  const [, encoding = 'UTF-8'] = /^\ufeff?<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)["']/.exec(text) ?? []
  if (encoding.toUpperCase() !== 'UTF-8')
    throw new DocumentRefusal('XML is taken in UTF-8 alone, and its declaration names another encoding.')
  const legal = (code: number) =>
    [0x9, 0xa, 0xd].includes(code) ||
    (code >= 0x20 && code < 0xd800) ||
    (code > 0xdfff && code < 0xfffe) ||
    (code > 0xffff && code <= 0x10ffff)
  const refused = () => new DocumentRefusal('The XML has a character that XML does not have.')
  if (/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(text)) throw refused()
  for (const [, hex, decimal] of text.matchAll(/&#(?:x([0-9A-Fa-f]+)|([0-9]+));/g))
    if (!legal(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16))) throw refused()
}

/** What the library leaves out where C14N keeps it (Canonical XML §2.3): a signature over it would not verify elsewhere. */
function refuseInstruction({ nodeType, nodeName }: XmlNode): void {
  // The parser takes the XML declaration for one.
  if (nodeType === 7 && nodeName !== 'xml')
    throw new DocumentRefusal('XML with processing instructions is not taken.')
}

/** Without recursion: this is what finds out how deep it is. */
function requirePlain(root: XmlNode): void {
  const ids = new Set<string>()
  const open: { element: XmlNode; depth: number }[] = [{ element: root, depth: 1 }]
  for (let count = 1; ; count += 1) {
    const next = open.pop()
    if (next === undefined) return
    const { element, depth } = next
    if (depth > depthMax)
      throw new DocumentRefusal(`Elements lie more than ${depthMax} deep within each other.`)
    if (count > elementsMax) throw new DocumentRefusal(`The XML has more than ${elementsMax} elements.`)
    for (const name of ['Id', 'ID', 'id']) {
      const id = element.getAttribute(name)
      if (id === null || id === '') continue
      if (ids.has(id)) throw new DocumentRefusal(`Two elements have the Id ${id.slice(0, 40)}.`)
      ids.add(id)
    }
    // What is below inherits them in the canonical form of SignedInfo (Canonical XML §2.4), which the library does not do.
    for (let index = 0; index < element.attributes.length; index += 1)
      if (element.attributes.item(index)?.nodeName.startsWith('xml:'))
        throw new DocumentRefusal('XML with attributes such as xml:lang or xml:space is not taken.')
    for (let child = element.firstChild; child !== null; child = child.nextSibling) {
      refuseInstruction(child)
      if (child.nodeType === 1) open.push({ element: child, depth: depth + 1 })
    }
  }
}
