/**
 * A DER reader (X.690 §10) for what strangers send in numbers. The libraries make a tree of objects of it, at some
 * 200 µs a CertID, while others wait. It takes one encoding of a length only and tags of one octet.
 */

/** A value as it is encoded. */
export interface Element {
  tag: number
  contents: Buffer
  /** Tag, length and contents. */
  der: Buffer
}

/**
 * The values that stand one after the other in `octets`.
 * @throws RangeError when that is not DER.
 */
export function readElements(octets: Buffer): Element[] {
  const elements: Element[] = []
  for (let at = 0; at < octets.length; ) {
    const tag = octets[at] ?? 0
    if ((tag & 0x1f) === 0x1f) throw new RangeError('a tag of several octets')
    const first = octets[at + 1] ?? 0x80
    const lengthOctets = first < 0x80 ? 0 : first & 0x7f
    const from = at + 2 + lengthOctets
    const length = first < 0x80 ? first : readLength(octets.subarray(at + 2, from), lengthOctets)
    if (from + length > octets.length) throw new RangeError('a value that is cut short')
    elements.push({
      tag,
      contents: octets.subarray(from, from + length),
      der: octets.subarray(at, from + length)
    })
    at = from + length
  }
  return elements
}

/** The members of a constructed value. @throws RangeError when its tag is not `tag`. */
export function membersOf(element: Element | undefined, tag = 0x30): Element[] {
  return readElements(contentsOf(element, tag))
}

/** The contents of a value. @throws RangeError when its tag is not `tag`. */
export function contentsOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new RangeError(`not a value with tag ${tag}`)
  return element.contents
}

/** §10.1: the definite form in as few octets as it takes. */
function readLength(octets: Buffer, expected: number): number {
  if (expected === 0 || expected > 4 || octets.length < expected)
    throw new RangeError('a length that is not DER')
  const length = octets.readUIntBE(0, expected)
  if (length < 0x80 || octets[0] === 0) throw new RangeError('a length that is not DER')
  return length
}
