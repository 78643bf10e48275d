import { decodePDFRawStream, PDFContext, PDFName, PDFObjectParser, PDFRawStream } from '@cantoo/pdf-lib'
import { DocumentRefusal } from '../refusal.js'

/** Arrays and dictionaries within each other. */
const depthMax = 100
/** Octets that all compressed streams of structure have together, unpacked. */
const inflatedMax = 64 * 1024 * 1024

/** What was exceeded while a document was read, which its parser would take for an object that is no matter. */
export interface ParserLimits {
  /** @throws DocumentRefusal */
  check(): void
}

/** Of the document that is read: a thread reads one at a time. */
const reading: { depth: number; inflated: number; broken: string | null } = {
  depth: 0,
  inflated: 0,
  broken: null
}
let limited = false

/**
 * Puts limits on the parser of this thread: it recurses as deep as a document does, and unpacks whatever it holds. To be
 * called before each document, since it begins to count anew.
 */
export function limitParser(): ParserLimits {
  Object.assign(reading, { depth: 0, inflated: 0, broken: null })
  if (!limited) {
    limitDepth()
    limitInflation()
    limited = true
  }
  return {
    check() {
      if (reading.broken !== null) throw new DocumentRefusal(reading.broken)
    }
  }
}

function breakOff(sentence: string): never {
  reading.broken ??= sentence
  throw new DocumentRefusal(sentence)
}

function limitDepth(): void {
  const parser = PDFObjectParser.prototype
  const { parseObject } = parser
  parser.parseObject = function limited(ref) {
    reading.depth += 1
    try {
      if (reading.depth > depthMax)
        breakOff(`Objects of the PDF lie more than ${depthMax} deep within each other.`)
      return parseObject.call(this, ref)
    } finally {
      reading.depth -= 1
    }
  }
}

function limitInflation(): void {
  const decoder = decoderPrototype()
  const { ensureBuffer } = decoder
  decoder.ensureBuffer = function limited(requested) {
    const before = this.buffer.byteLength
    if (reading.inflated + requested - before > inflatedMax)
      breakOff(`Streams of the PDF unpack to more than ${inflatedMax / 1024 / 1024} MiB.`)
    const buffer = ensureBuffer.call(this, requested)
    reading.inflated += Math.max(0, buffer.byteLength - before)
    return buffer
  }
}

/** What all decoders of streams grow by. */
interface Decoder {
  buffer: Uint8Array
  ensureBuffer(requested: number): Uint8Array
}

/** The base class of the decoders, which the library does not export: found above the decoder of an empty stream. */
function decoderPrototype(): Decoder {
  const dict = PDFContext.create().obj({ Filter: PDFName.of('FlateDecode') })
  const empty = decodePDFRawStream(PDFRawStream.of(dict, Uint8Array.of(0x78, 0x9c, 0x03, 0, 0, 0, 0, 1)))
  for (let found: unknown = empty; found !== null; found = Object.getPrototypeOf(found)) {
    if (Object.hasOwn(found as object, 'ensureBuffer')) return found as Decoder
  }
  throw new TypeError('the decoders of the PDF library are not as expected')
}
