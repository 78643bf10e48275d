import { randomBytes, randomInt } from 'node:crypto'
import {
  PDFArray,
  PDFDict,
  type PDFDocument,
  PDFHexString,
  PDFName,
  type PDFObject,
  PDFRef,
  PDFString
} from '@cantoo/pdf-lib'
import type { PdfRequest } from '../documents.js'
import { DocumentRefusal } from '../refusal.js'
import { drawAppearance } from './appearance.js'
import type { PdfPlace } from './place.js'
import { readPdf } from './read.js'
import { pdfDate } from './times.js'

/** Octets that are kept for the CMS: three certificates and a signature by RSA-4096 take less than half. */
const cmsOctets = 16 * 1024
/** Print, and locked against being moved (ISO 32000-1 table 165). */
const widgetFlags = 4 | 128
/** SignaturesExist and AppendOnly (ISO 32000-1 table 219). */
const signatureFlags = 1 | 2

/** A PDF with an empty place for its signature. `place` counts from the beginning of what came. */
export interface DigestedPdf {
  /** What follows the document as it came. */
  revision: Uint8Array
  place: PdfPlace
  fieldName: string
}

/**
 * Adds a revision with a signature field, so that whatever was signed before stays as it is (ISO 32000-1 §7.5.6).
 * The dictionary follows ETSI EN 319 142-1 §6.3: ETSI.CAdES.detached, the claimed time in M.
 * @throws DocumentRefusal
 */
export async function digestPdf(request: PdfRequest): Promise<DigestedPdf> {
  const { pdf, fieldNames, hasXrefStream } = await readPdf(request.document)
  const { context } = pdf
  const pageNumber = request.appearance?.page ?? 1
  if (pageNumber > pdf.getPageCount())
    throw new DocumentRefusal(`The PDF has no page ${pageNumber}; it has ${pdf.getPageCount()}.`)
  const page = pdf.getPage(pageNumber - 1)

  // Found again by their values: nothing else in the file can have them.
  const rangeMarks = [0, 1, 2].map(() => randomInt(2 ** 32, 2 ** 33))
  const contentsMark = randomBytes(32)
    .toString('hex')
    .padEnd(2 * cmsOctets, '0')
  const signature = context.register(
    context.obj({
      Type: 'Sig',
      Filter: 'Adobe.PPKLite',
      SubFilter: 'ETSI.CAdES.detached',
      ByteRange: [0, ...rangeMarks],
      Contents: PDFHexString.of(contentsMark),
      M: PDFString.of(pdfDate(request.signedAt)),
      Name: PDFHexString.fromText(request.signerName),
      ...textEntry('Reason', request.reason),
      ...textEntry('Location', request.location),
      ...textEntry('ContactInfo', request.contact)
    })
  )

  const fieldName = freeName(request.fieldName ?? 'Signature', fieldNames)
  const { appearance } = request
  const { x, y, width, height } = appearance?.rectangle ?? { x: 0, y: 0, width: 0, height: 0 }
  const widget = context.register(
    context.obj({
      Type: 'Annot',
      Subtype: 'Widget',
      FT: 'Sig',
      T: PDFHexString.fromText(fieldName),
      V: signature,
      F: widgetFlags,
      P: page.ref,
      Rect: [x, y, x + width, y + height],
      ...(appearance === null ? {} : { AP: { N: await drawAppearance(pdf, appearance) } })
    })
  )
  append(pdf, page.node, 'Annots', widget)
  const form = formOf(pdf)
  form.set(PDFName.of('SigFlags'), context.obj(signatureFlags))
  append(pdf, form, 'Fields', widget)
  const { snapshot } = context
  if (snapshot === undefined) throw new TypeError('the document was not read to be extended')
  snapshot.markRefsForSave([page.ref, rootOf(pdf)])

  const revision = await pdf.saveIncremental(snapshot, {
    useObjectStreams: hasXrefStream,
    objectsPerTick: Number.POSITIVE_INFINITY
  })
  return { ...fillRange(request.document.length, revision, { rangeMarks, contentsMark }), fieldName }
}

const textEntry = (name: string, text: string | null) =>
  text === null || text === '' ? {} : { [name]: PDFHexString.fromText(text) }

/** `Signature`, then `Signature2`. A dot would part a name in two (ISO 32000-1 §12.7.3.2). */
function freeName(wished: string, taken: ReadonlySet<string>): string {
  const name = wished.replaceAll('.', '_')
  if (!taken.has(name)) return name
  for (let number = 2; ; number += 1) if (!taken.has(`${name}${number}`)) return `${name}${number}`
}

function rootOf({ context }: PDFDocument): PDFRef {
  const { Root } = context.trailerInfo
  if (Root instanceof PDFRef) return Root
  throw new DocumentRefusal('The PDF has no catalog.')
}

/** The form, made where there is none. */
function formOf({ catalog, context }: PDFDocument): PDFDict {
  const key = PDFName.of('AcroForm')
  const value = catalog.get(key)
  const form = catalog.lookup(key)
  if (form instanceof PDFDict) {
    if (value instanceof PDFRef) context.snapshot?.markRefForSave(value)
    return form
  }
  const made = context.obj({})
  catalog.set(key, made)
  return made
}

/** Puts a reference at the end of a list, wherever the list is kept. */
function append({ context }: PDFDocument, owner: PDFDict, name: string, ref: PDFRef): void {
  const key = PDFName.of(name)
  const value: PDFObject | undefined = owner.get(key)
  const list = owner.lookup(key)
  if (list instanceof PDFArray) {
    list.push(ref)
    if (value instanceof PDFRef) context.snapshot?.markRefForSave(value)
    return
  }
  owner.set(key, context.obj([ref]))
}

/** Writes the real byte range over its marks, in the same number of octets. */
function fillRange(
  originalLength: number,
  written: Uint8Array,
  { rangeMarks, contentsMark }: { rangeMarks: readonly number[]; contentsMark: string }
): { revision: Uint8Array; place: PdfPlace } {
  const revision = Buffer.from(written.buffer, written.byteOffset, written.byteLength)
  const at = revision.indexOf(`<${contentsMark}>`)
  const marks = `[ 0 ${rangeMarks.join(' ')} ]`
  const rangeAt = revision.indexOf(marks)
  if (at < 0 || rangeAt < 0) throw new TypeError('the signature was not written as expected')
  const contentsLength = contentsMark.length + 2
  const contentsAt = originalLength + at
  const after = revision.length - at - contentsLength
  const range = `[ 0 ${contentsAt} ${contentsAt + contentsLength} ${after}`
  revision.write(`${range.padEnd(marks.length - 1, ' ')}]`, rangeAt, 'latin1')
  revision.fill('0', at + 1, at + contentsLength - 1, 'latin1')
  return { revision, place: { contentsAt, contentsLength } }
}
