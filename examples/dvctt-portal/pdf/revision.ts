/** A further revision of a PDF, with a signature field whose value is still empty (ISO 32000-1 §7.5.6 and §12.8.1). */
import { randomBytes } from 'node:crypto'
import {
  type PDFAcroForm,
  PDFArray,
  PDFDocument,
  PDFHexString,
  PDFName,
  type PDFObject,
  PDFString
} from '@cantoo/pdf-lib'
import { drawAppearance } from './appearance.js'
import { type Place, places } from './places.js'
import { pdfTime } from './times.js'

/** Octets that are kept for the CMS: three certificates and a signature by RSA-4096 take less than half. */
const cmsOctets = 16 * 1024
/** Written first where the byte range comes in the end, so that there is room for any number. */
const rangeMark = 9_999_999_999
/** Print, and locked against being moved (ISO 32000-1 table 165). */
const widgetFlags = 4 | 128
/** SignaturesExist and AppendOnly (ISO 32000-1 table 219). */
const formFlags = 1 | 2

export interface SignatureField {
  signedAt: Date
  reason: string
  /** Name of the signer, for the signature dictionary. */
  signer: string
  place: Place
  /** What the visible signature shows. */
  lines: readonly string[]
}

/** A PDF with room for a CMS. */
export interface Revision {
  /** All octets but those of the room, which the signature covers. */
  before: Uint8Array
  after: Uint8Array
  /** The PDF with this CMS in it. @throws RangeError when the room is too small. */
  with(cms: Uint8Array): Uint8Array
}

/** Puts a field on the last page. What is there stays a prefix of it, so that earlier signatures stay valid. */
export async function addSignatureField(original: Uint8Array, field: SignatureField): Promise<Revision> {
  const pdf = await PDFDocument.load(original, { forIncrementalUpdate: true, updateMetadata: false })
  const { context, catalog } = pdf
  const { snapshot } = context
  if (snapshot === undefined) throw new TypeError('the document was not read to be extended')
  const page = pdf.getPage(pdf.getPageCount() - 1)
  const form = catalog.getOrCreateAcroForm()
  const room = `${randomBytes(16).toString('hex')}`.padEnd(2 * cmsOctets, '0')
  const value = context.register(
    context.obj({
      Type: 'Sig',
      Filter: 'Adobe.PPKLite',
      SubFilter: 'ETSI.CAdES.detached',
      ByteRange: [0, rangeMark, rangeMark, rangeMark],
      Contents: PDFHexString.of(room),
      M: PDFString.of(pdfTime(field.signedAt)),
      Name: PDFHexString.fromText(field.signer),
      Reason: PDFHexString.fromText(field.reason)
    })
  )
  const rectangle = places[field.place]
  const { x, y, width, height } = rectangle
  const fields = listed(form.dict.lookup(PDFName.of('Fields')))
  const widget = context.register(
    context.obj({
      Type: 'Annot',
      Subtype: 'Widget',
      FT: 'Sig',
      T: PDFString.of(freeName(form)),
      V: value,
      F: widgetFlags,
      P: page.ref,
      Rect: [x, y, x + width, y + height],
      AP: { N: await drawAppearance(pdf, rectangle, field.lines) }
    })
  )
  form.dict.set(PDFName.of('Fields'), context.obj([...fields, widget]))
  form.dict.set(PDFName.of('SigFlags'), context.obj(formFlags))
  page.node.set(PDFName.of('Annots'), context.obj([...listed(page.node.Annots()), widget]))
  snapshot.markObjsForSave([catalog, form.dict])
  snapshot.markRefForSave(page.ref)

  const saved = Buffer.from(await pdf.save({ useObjectStreams: endsWithXrefStream(original) }))
  return reserve(saved, room)
}

/** `Signature1`, `Signature2`: a form has each name once. */
function freeName(form: PDFAcroForm): string {
  const taken = new Set(form.getFields().map(([field]) => field.getPartialName()))
  let number = 1
  while (taken.has(`Signature${number}`)) number += 1
  return `Signature${number}`
}

const listed = (list: unknown): PDFObject[] => (list instanceof PDFArray ? list.asArray() : [])

/** A revision is listed the way that the one before it is: by a table, or by a stream (ISO 32000-1 §7.5.8). */
function endsWithXrefStream(pdf: Uint8Array): boolean {
  const octets = Buffer.from(pdf)
  const [, at = '0'] =
    /startxref\s+(\d+)/.exec(octets.toString('latin1', octets.lastIndexOf('startxref'))) ?? []
  return octets.toString('latin1', Number(at), Number(at) + 4) !== 'xref'
}

/** Writes the real byte range, in as many octets as were kept for it. */
function reserve(saved: Buffer, room: string): Revision {
  const start = saved.lastIndexOf(`<${room}>`)
  const end = start + room.length + 2
  const marks = `[ 0 ${rangeMark} ${rangeMark} ${rangeMark} ]`
  const rangeAt = saved.lastIndexOf(marks)
  if (start < 0 || rangeAt < 0) throw new TypeError('the signature was not written as expected')
  saved.write(`[ 0 ${start} ${end} ${saved.length - end}`.padEnd(marks.length - 1), rangeAt, 'latin1')
  saved.write(']', rangeAt + marks.length - 1, 'latin1')
  return {
    before: saved.subarray(0, start),
    after: saved.subarray(end),
    with(cms) {
      const digits = Buffer.from(cms).toString('hex')
      if (digits.length > room.length) throw new RangeError('the CMS is longer than the room for it')
      const contents = Buffer.from(`<${digits.padEnd(room.length, '0')}>`, 'latin1')
      return Buffer.concat([saved.subarray(0, start), contents, saved.subarray(end)])
    }
  }
}
