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
  const fail = (message: unknown): never => {
    throw new DocumentRefusal('The XML is not well-formed.', { cause: message })
  }
  const parser = new DOMParser({ errorHandler: { warning: fail, error: fail, fatalError: fail } })
  const document = parser.parseFromString(text, 'text/xml')
  if (!document?.documentElement) throw new DocumentRefusal('The XML has no element.')
  requirePlain(document.documentElement)
  return document
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
    for (let child = element.firstChild; child !== null; child = child.nextSibling)
      if (child.nodeType === 1) open.push({ element: child, depth: depth + 1 })
  }
}
