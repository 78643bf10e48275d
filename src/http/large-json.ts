import { randomUUID } from 'node:crypto'

/** Shorter files are left where they are. */
const fileTextMin = 64 * 1024
/** A body with more strings than this has no few files, and a file no quotes in it. */
const stringsMax = 2_000
const quotesMax = 100
/** Digits of base64 that are decoded at a time, a multiple of four: a larger string would not lie in the young heap. */
const pieceDigits = 96 * 1024

const [quote, backslash, padding] = [0x22, 0x5c, 0x3d]

/** JSON without its files. */
export interface LargeJson {
  value: unknown
  /** What long files decode to, by the text that stands in their place, which nobody can guess. */
  files: ReadonlyMap<string, Uint8Array>
}

/**
 * Parses JSON whose size is that of a few files in base64. Parsing 14 MiB of text, searching it for what must not be in
 * it and decoding it takes several times as long as decoding the octets where they lie and parsing the rest.
 * @param options.members Members that may hold a file, in lower case.
 * @param options.parse What is done with the rest. @throws Whatever it throws.
 */
export function parseLargeJson(
  octets: Buffer,
  { members, parse }: { members: ReadonlySet<string>; parse: (text: string) => unknown }
): LargeJson {
  const taken = octets.length < fileTextMin ? null : takeOut(octets, members)
  if (taken === null) return { value: parse(octets.toString('utf8')), files: new Map() }
  return { value: parse(taken.rest), files: taken.files }
}

/** Null: there are no such files. */
function takeOut(
  octets: Buffer,
  members: ReadonlySet<string>
): { rest: string; files: Map<string, Uint8Array> } | null {
  const files = new Map<string, Uint8Array>()
  const rest: string[] = []
  let copied = 0
  /** The string before, and where it ended. */
  let before = { text: '', end: 0 }
  let at = octets.indexOf(quote)
  for (let count = 0; at >= 0; count += 1) {
    const end = endOf(octets, at)
    if (end < 0 || count === stringsMax) return null
    const long = end - at > fileTextMin
    if (long && members.has(before.text) && isMember(octets, before.end, at)) {
      const file = decoded(octets, at + 1, end)
      if (file !== null) {
        const mark = randomUUID()
        files.set(mark, file)
        rest.push(octets.toString('utf8', copied, at + 1), mark)
        copied = end
      }
    }
    before = {
      text: long ? '' : octets.toString('latin1', at + 1, Math.min(end, at + 65)).toLowerCase(),
      end
    }
    at = octets.indexOf(quote, end + 1)
  }
  return files.size === 0 ? null : { rest: [...rest, octets.toString('utf8', copied)].join(''), files }
}

/** Where a string ends that begins at `at`; -1: it does not, or only after many quotes. */
function endOf(octets: Buffer, at: number): number {
  let end = octets.indexOf(quote, at + 1)
  for (let count = 0; end >= 0 && count < quotesMax; count += 1) {
    let before = end - 1
    while (octets[before] === backslash) before -= 1
    if ((end - before) % 2 === 1) return end
    end = octets.indexOf(quote, end + 1)
  }
  return -1
}

/** Whether the string that ends at `nameEnd` names the value that begins at `at`. */
const isMember = (octets: Buffer, nameEnd: number, at: number): boolean =>
  at - nameEnd < 64 && /^[ \t\r\n]*:[ \t\r\n]*$/.test(octets.toString('latin1', nameEnd + 1, at))

/**
 * Base64 without white space (RFC 4648 §4), padded or not; null: it is something else, which is left to the parser. The
 * decoder skips what is not in the alphabet, so that fewer octets come out of it than of as many digits, and takes `-`
 * and `_`.
 */
function decoded(octets: Buffer, from: number, to: number): Uint8Array | null {
  const text = octets.subarray(from, to)
  const [last, beforeLast] = [text.at(-1), text.at(-2)]
  const digits = text.length - (last !== padding ? 0 : beforeLast === padding ? 2 : 1)
  if (text.length % 4 === 1 || text.includes('-') || text.includes('_')) return null
  const file = Buffer.allocUnsafeSlow(Math.floor((digits * 3) / 4))
  let written = 0
  for (let at = 0; at < text.length; at += pieceDigits)
    written += file.write(text.toString('latin1', at, at + pieceDigits), written, 'base64')
  return written === file.length ? file : null
}
