import { DocumentRefusal } from '../refusal.js'

const name = '[\\p{L}_][\\p{L}\\p{M}\\p{N}_.-]{0,63}'
/** One step: an element by its name, with or without a prefix, or by its local name, and which of them. */
const step = `(?:\\*\\[local-name\\(\\)=(?:'${name}'|"${name}")\\]|(?:${name}:)?${name})(?:\\[\\d{1,4}\\])?`
const path = new RegExp(`^/{1,2}${step}(?:/${step}){0,31}$`, 'u')
const id = new RegExp(`^#?(${name})$`, 'u')

/**
 * The expression that a request names a node by: an Id, or steps from the root. No other XPath is evaluated: an expression
 * is a program of somebody else's.
 * @returns XPath by local names, since a request carries no prefixes. @throws DocumentRefusal
 */
export function readNodePath(text: string): string {
  const [, named] = id.exec(text) ?? []
  if (named !== undefined) return `//*[@Id='${named}' or @ID='${named}' or @id='${named}']`
  const expression = text.replace(/^xpath:/, '')
  if (!path.test(expression))
    throw new DocumentRefusal('A node is named by its Id, or by a path of element names such as /a/b[1].')
  return expression.replace(
    new RegExp(`(?<=/)(?:${name}:)?(${name})(?=\\[\\d|/|$)`, 'gu'),
    (_, local: string) => `*[local-name()='${local}']`
  )
}
