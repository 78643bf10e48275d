/**
 * Text a relying party sent, made fit to be shown to a person who decides by it: NFC, no control or format
 * characters (which include the bidirectional overrides that make text read backwards), white space folded.
 *
 * @param maxLength In UTF-16 code units; what is longer is cut at a character and ends in an ellipsis.
 */
export function displayText(text: string, maxLength: number): string {
  const plain = text
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\p{Cf}\p{Cs}\p{Co}]/gu, '')
    .trim()
  if (plain.length <= maxLength) return plain
  let cut = ''
  for (const character of plain) {
    if (cut.length + character.length >= maxLength) break
    cut += character
  }
  return `${cut}…`
}
