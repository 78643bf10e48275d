/**
 * A signature in base64. The real service breaks its lines (§4.3), as MIME does (RFC 2045 §6.8).
 * @param quirk Off: in one line.
 */
export function signatureText(signature: Uint8Array, quirk: (name: string) => boolean): string {
  const text = Buffer.from(signature).toString('base64')
  return quirk('viettel.signature-line-breaks') ? text.replace(/.{76}(?=.)/g, '$&\r\n') : text
}
