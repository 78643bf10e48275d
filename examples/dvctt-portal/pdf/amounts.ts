/** Sums of money as Vietnamese papers write them. */

const digits = ['không', 'một', 'hai', 'ba', 'bốn', 'năm', 'sáu', 'bảy', 'tám', 'chín']
const powers = ['', 'nghìn', 'triệu', 'tỷ']
/** In đồng: a thousand "tỷ", from which on the words above are not enough. */
const amountEnd = 1e12

/** `1.234.567`. @throws RangeError for what is no whole number of đồng, or too many. */
export function shownAmount(amount: number): string {
  return groupsOf(amount)
    .map((group, index) => (index === 0 ? `${group}` : `${group}`.padStart(3, '0')))
    .join('.')
}

/** `Một triệu hai trăm ba mươi tư nghìn`, with a capital. @throws RangeError for what is no whole number of đồng, or too many. */
export function amountInWords(amount: number): string {
  const groups = groupsOf(amount)
  const words = groups.flatMap((group, index) => {
    const power = powers[groups.length - 1 - index] ?? ''
    return group === 0 ? [] : [...groupInWords(group, index > 0), power]
  })
  const text = amount === 0 ? 'không' : words.filter((word) => word !== '').join(' ')
  return text.charAt(0).toLocaleUpperCase('vi') + text.slice(1)
}

/** Thousands, from the highest. */
function groupsOf(amount: number): number[] {
  if (!Number.isSafeInteger(amount) || amount < 0 || amount >= amountEnd)
    throw new RangeError(`${amount} is no whole number of đồng below ${amountEnd}`)
  const groups: number[] = []
  let rest = amount
  do {
    groups.unshift(rest % 1000)
    rest = Math.floor(rest / 1000)
  } while (rest > 0)
  return groups
}

/** A number below a thousand. `inside`: a higher group stands before it, so its hundreds are said even when there are none. */
function groupInWords(group: number, inside: boolean): string[] {
  const [hundreds, tens, ones] = [Math.floor(group / 100), Math.floor(group / 10) % 10, group % 10]
  const said: string[] = []
  if (hundreds > 0 || inside) said.push(digitWord(hundreds), 'trăm')
  if (tens > 1) said.push(digitWord(tens), 'mươi')
  if (tens === 1) said.push('mười')
  if (tens === 0 && ones > 0 && said.length > 0) said.push('linh')
  if (ones > 0) said.push(onesWord(ones, tens))
  return said
}

const digitWord = (digit: number): string => digits[digit] ?? ''

/** After tens some digits have another sound. */
function onesWord(ones: number, tens: number): string {
  if (tens > 1 && ones === 1) return 'mốt'
  if (tens > 1 && ones === 4) return 'tư'
  if (tens > 0 && ones === 5) return 'lăm'
  return digitWord(ones)
}
