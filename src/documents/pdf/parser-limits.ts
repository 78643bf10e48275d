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

/**
 * Puts limits on the parser of this thread: it recurses as deep as a document does, and unpacks whatever it holds. To be
 * called once in a thread that reads one document.
 */
export function limitParser(): ParserLimits {
  let broken: string | null = null
  const breakOff = (sentence: string): never => {
    broken ??= sentence
    throw new DocumentRefusal(sentence)
  }

  let depth = 0
  const parser = PDFObjectParser.prototype
  const parseObject = parser.parseObject
  parser.parseObject = function limited(ref) {
    depth += 1
    try {
      if (depth > depthMax) breakOff(`Objects of the PDF lie more than ${depthMax} deep within each other.`)
      return parseObject.call(this, ref)
    } finally {
      depth -= 1
    }
  }

  let inflated = 0
  const decoder = decoderPrototype()
  const { ensureBuffer } = decoder
  decoder.ensureBuffer = function limited(requested) {
    const before = this.buffer.byteLength
    if (inflated + requested - before > inflatedMax)
      breakOff(`Streams of the PDF unpack to more than ${inflatedMax / 1024 / 1024} MiB.`)
    const buffer = ensureBuffer.call(this, requested)
    inflated += Math.max(0, buffer.byteLength - before)
    return buffer
  }

  return {
    check() {
      if (broken !== null) throw new DocumentRefusal(broken)
    }
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
