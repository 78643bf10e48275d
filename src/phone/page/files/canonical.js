/**
 * What a challenge looks like as bytes, so that two devices that show the same compute the same.
 * @see RFC 8785 §3.2
 */

/**
 * Canonical JSON: members in the order of their UTF-16 code units, no blanks, numbers and strings as ECMAScript
 * writes them.
 * @param {unknown} value
 * @returns {string}
 */
export function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`)
    return `{${members.join(',')}}`
  }
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('half a character')
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not a number')
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError('JSON has no such value')
  return text
}

/**
 * base64url(SHA-256(canonical JSON of what is shown)).
 * @param {Record<string, unknown>} shown Everything but `displayHash`.
 * @returns {Promise<string>}
 */
export async function displayHash(shown) {
  return base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(canonicalJson(shown))))
}

/**
 * @param {ArrayBuffer | Uint8Array | string} content A string is taken as UTF-8.
 * @returns {string} Without padding.
 */
export function base64url(content) {
  const octets = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content)
  return btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/**
 * @param {string} text base64url.
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
