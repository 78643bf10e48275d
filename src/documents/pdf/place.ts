import { createHash } from 'node:crypto'

/** Where the signature goes: `<`, hexadecimal digits and `>`. In octets from the beginning. */
export interface PdfPlace {
  contentsAt: number
  contentsLength: number
}

/**
 * SHA-256 of all but the place of the signature: the byte range (ISO 32000-1 §12.8.1).
 * @param parts Of the document, one after the other; the place lies within one of them.
 */
export function digestOfRange(
  parts: readonly Uint8Array[],
  { contentsAt, contentsLength }: PdfPlace
): Uint8Array {
  const sha256 = createHash('sha256')
  let from = 0
  for (const part of parts) {
    const at = contentsAt - from
    if (at < 0 || at >= part.length) sha256.update(part)
    else sha256.update(part.subarray(0, at)).update(part.subarray(at + contentsLength))
    from += part.length
  }
  return sha256.digest()
}

/** Puts a CMS into its place. @throws RangeError where it is longer. */
export function embedPdf(
  document: Uint8Array,
  { contentsAt, contentsLength }: PdfPlace,
  cms: Uint8Array
): Uint8Array {
  const hex = Buffer.from(cms).toString('hex')
  if (hex.length > contentsLength - 2) throw new RangeError('the CMS is longer than the place for it')
  const signed = Buffer.from(document)
  signed.write(hex, contentsAt + 1, 'latin1')
  return signed
}
