/**
 * The one rule for text that a person decides by, because a device shows it: what has no shape of its own must not be
 * in it. That is: controls, format characters (which include the bidirectional ones that make text read backwards),
 * private and unassigned code points, letters that are drawn as nothing (such as U+3164), and the empty Braille cell.
 */
const unseen = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]/gu
const blanks = /[\p{Cc}\p{Z}\s]+/gu
/**
 * Marks over marks run into the lines above and below. Vietnamese puts two on a letter, and none once it is in NFC; a
 * mark without a letter lands on whatever stands before the text.
 */
const marksMax = 2
const marksTooMany = new RegExp(`(\\p{M}{${marksMax}})\\p{M}+`, 'gu')
const marksAlone = /(^| )\p{M}+/gu

/**
 * Text a relying party sent, made fit to be shown: what must not be in it is taken out, white space folded. In NFC.
 *
 * @param maxLength In UTF-16 code units; what is longer is cut at a character and ends in an ellipsis.
 */
export function displayText(text: string, maxLength: number): string {
  const plain = text
    .replace(blanks, ' ')
    .replace(unseen, '')
    .normalize('NFC')
    .replace(marksTooMany, '$1')
    .replace(marksAlone, '$1')
    .replace(/ +/g, ' ')
    .trim()
    .normalize('NFC')
  if (plain.length <= maxLength) return plain
  let cut = ''
  for (const character of plain) {
    if (cut.length + character.length >= maxLength) break
    cut += character
  }
  return `${cut}…`
}

/**
 * What keeps a name, which is refused rather than changed, from being shown as it is; to follow the name of the member.
 * @param name In NFC.
 * @param maxLength In characters (code points).
 * @returns Null: nothing does.
 */
export function displayFault(name: string, maxLength: number): string | null {
  const length = [...name].length
  if (length < 1 || length > maxLength) return `must have 1 to ${maxLength} characters`
  if (has(unseen, name) || has(/(?! )\p{Z}/u, name)) return 'holds a character that cannot be seen'
  if (has(marksTooMany, name) || has(marksAlone, name))
    return `holds more than ${marksMax} marks on a letter, or one on none`
  return name.trim() === name ? null : 'begins or ends with a blank'
}

/** `test` of a global expression would go on where the last one ended. */
const has = (what: RegExp, text: string): boolean => text.search(what) >= 0
