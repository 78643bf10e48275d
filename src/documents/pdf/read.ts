import {
  ParseSpeeds,
  PDFArray,
  PDFDict,
  PDFDocument,
  PDFHexString,
  PDFName,
  PDFNumber,
  PDFString
} from '@cantoo/pdf-lib'
import { DocumentRefusal } from '../refusal.js'
import { limitParser } from './parser-limits.js'

/** Where a header may begin, and the least of what follows the last revision (ISO 32000-1 Annex H, notes 13 and 18). */
const headerWithin = 1024
/** Fields of a form, and their depth. */
const fieldsMax = 10_000
const fieldDepthMax = 32

/** A PDF that was read, to be extended by a revision. */
export interface ReadPdf {
  pdf: PDFDocument
  /** Full names of the fields at the root of its form. */
  fieldNames: ReadonlySet<string>
  /** Whether its last cross-reference section is a stream; a revision follows in the same form. */
  hasXrefStream: boolean
}

/** @throws DocumentRefusal for what is no PDF, cannot be read to its end, or must not be changed. */
export async function readPdf(document: Uint8Array): Promise<ReadPdf> {
  const octets = Buffer.from(document.buffer, document.byteOffset, document.byteLength)
  if (!octets.subarray(0, headerWithin).includes('%PDF-')) throw new DocumentRefusal('This is not a PDF.')
  const hasXrefStream = lastXref(octets) === 'stream'
  const pdf = await load(document)
  const form = pdf.catalog.lookup(PDFName.of('AcroForm'))
  const fieldNames = new Set<string>()
  if (form instanceof PDFDict) visitFields(form, octets, fieldNames)
  const permissions = pdf.catalog.lookup(PDFName.of('Perms'))
  if (permissions instanceof PDFDict && forbidsChanges(permissions))
    throw new DocumentRefusal('The PDF is certified, and its author allows no changes.')
  return { pdf, fieldNames, hasXrefStream }
}

async function load(document: Uint8Array): Promise<PDFDocument> {
  const limits = limitParser()
  let pdf: PDFDocument
  try {
    pdf = await PDFDocument.load(document, {
      forIncrementalUpdate: true,
      updateMetadata: false,
      throwOnInvalidObject: true,
      capNumbers: true,
      // Nobody else waits for this thread.
      parseSpeed: ParseSpeeds.Fastest
    })
    limits.check()
    pdf.getPageCount()
  } catch (cause) {
    limits.check()
    const said = cause instanceof Error ? cause.message : ''
    const sentence = /encrypted/i.test(said) ? 'The PDF is encrypted.' : 'The PDF cannot be read.'
    throw new DocumentRefusal(sentence, { cause })
  }
  if (pdf.isEncrypted) throw new DocumentRefusal('The PDF is encrypted.')
  return pdf
}

/** What `startxref` at the end points to (ISO 32000-1 §7.5.5). A revision that names a wrong place breaks the file. */
function lastXref(octets: Buffer): 'table' | 'stream' {
  const end = octets.lastIndexOf('startxref')
  const [, digits] = /^startxref\s+(\d{1,10})\s/.exec(octets.toString('latin1', end, end + 40)) ?? []
  const at = digits === undefined ? -1 : Number(digits)
  const there = at < 0 ? '' : octets.toString('latin1', at, at + 1024)
  if (/^\s*xref\s/.test(there)) return 'table'
  if (/^\s*\d+\s+\d+\s+obj\b[^>]*?\/Type\s*\/XRef\b/.test(there)) return 'stream'
  throw new DocumentRefusal('The PDF does not end with its cross-reference section.')
}

/** Looks at every field of a form: its name, and the signature that it holds. */
function visitFields(form: PDFDict, octets: Buffer, names: Set<string>): void {
  let count = 0
  const visit = (fields: unknown, depth: number): void => {
    if (!(fields instanceof PDFArray)) return
    if (depth > fieldDepthMax) throw new DocumentRefusal('The form of the PDF is too deep.')
    for (let index = 0; index < fields.size(); index += 1) {
      count += 1
      if (count > fieldsMax) throw new DocumentRefusal('The form of the PDF has too many fields.')
      const field = fields.lookup(index)
      if (!(field instanceof PDFDict)) continue
      const name = field.lookup(PDFName.of('T'))
      if (depth === 0 && (name instanceof PDFString || name instanceof PDFHexString))
        names.add(name.decodeText())
      const value = field.lookup(PDFName.of('V'))
      if (value instanceof PDFDict && value.has(PDFName.of('ByteRange'))) requireOwnRange(value, octets)
      visit(field.lookup(PDFName.of('Kids')), depth + 1)
    }
  }
  visit(form.lookup(PDFName.of('Fields')), 0)
}

/**
 * A signature that is there must cover its revision from the beginning to the end but for its own place (ISO 32000-1
 * §12.8.1): beside one whose range was forged, no other is put.
 */
function requireOwnRange(signature: PDFDict, octets: Buffer): void {
  const range = signature.lookup(PDFName.of('ByteRange'))
  const numbers =
    range instanceof PDFArray && range.size() === 4
      ? range.asArray().map((one) => (one instanceof PDFNumber ? one.asNumber() : Number.NaN))
      : []
  const [from = Number.NaN, before = 0, after = 0, length = 0] = numbers
  const whole = [from, before, after, length].every((one) => Number.isSafeInteger(one) && one >= 0)
  const end = after + length
  if (!whole || from !== 0 || after <= before || end > octets.length) refuse()
  const place = octets.toString('latin1', before, Math.min(after, before + 4 * 1024 * 1024))
  if (place.length !== after - before || !/^<[0-9A-Fa-f]+>$/.test(place)) refuse()
  if (!/%%EOF\s*$/.test(octets.toString('latin1', Math.max(0, end - 32), end))) refuse()
  const contents = signature.lookup(PDFName.of('Contents'))
  if (!(contents instanceof PDFHexString) || place !== `<${contents.asString()}>`) refuse()
}

function refuse(): never {
  throw new DocumentRefusal('The PDF holds a signature whose ByteRange is not its own.')
}

/** DocMDP with P 1 (ISO 32000-1 §12.8.2.2). */
function forbidsChanges(permissions: PDFDict): boolean {
  const certification = permissions.lookup(PDFName.of('DocMDP'))
  const references =
    certification instanceof PDFDict ? certification.lookup(PDFName.of('Reference')) : undefined
  const reference = references instanceof PDFArray && references.size() > 0 ? references.lookup(0) : undefined
  const parameters =
    reference instanceof PDFDict ? reference.lookup(PDFName.of('TransformParams')) : undefined
  const level = parameters instanceof PDFDict ? parameters.lookup(PDFName.of('P')) : undefined
  return level instanceof PDFNumber && level.asNumber() === 1
}
