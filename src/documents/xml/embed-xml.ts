/** Puts the value of a signature in the place of its mark. @throws RangeError where the mark is not there once. */
export function embedXml(document: Uint8Array, mark: string, signature: Uint8Array): Uint8Array {
  const parts = Buffer.from(document).toString('utf8').split(mark)
  if (parts.length !== 2) throw new RangeError('the document has not one place for its signature')
  return Buffer.from(parts.join(Buffer.from(signature).toString('base64')), 'utf8')
}
