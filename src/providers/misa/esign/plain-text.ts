/** A `<` begins a tag only before a letter, `/`, `!` or `?`: "< 500 đồng" is text. One group, for `split`. */
const markup = /(<!--|-->|<\/?[a-z][a-z0-9]*\b[^<>]*>|<[!?][^<>]*>)/i
/** Elements whose content is no text of the page. */
const silent: ReadonlySet<string> = new Set(['script', 'style', 'template', 'head'])
/** Elements that stand within a line; all others end it. */
const inline: ReadonlySet<string> = new Set(
  'a abbr b bdi bdo cite code del em font i ins kbd mark q s samp small span strong sub sup tt u var'.split(
    ' '
  )
)
const characters = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi
const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…'
}

/**
 * The text of HTML, and text as it is: devices show no markup. What a style would hide is shown, since whoever confirms
 * must not see less than was sent. Takes time in proportion to the length, whatever is sent.
 */
export function plainText(html: string): string {
  let text = ''
  let until: string | null = null
  for (const [index, piece] of html.split(markup).entries()) {
    const isMarkup = index % 2 === 1
    if (until !== null) {
      if (isMarkup && piece.toLowerCase().startsWith(until)) until = null
    } else if (!isMarkup || piece === '-->') {
      text += piece
    } else if (piece === '<!--') {
      until = '-->'
    } else {
      const element = /^<\/?([a-z0-9]+)/i.exec(piece)?.[1]?.toLowerCase() ?? ''
      if (silent.has(element) && !piece.startsWith('</')) until = `</${element}`
      if (!inline.has(element)) text += ' '
    }
  }
  return text.replace(characters, character).replace(/\s+/g, ' ').trim()
}

function character(found: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return named[name.toLowerCase()] ?? found
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
  return isCharacter ? String.fromCodePoint(code) : '\ufffd'
}
