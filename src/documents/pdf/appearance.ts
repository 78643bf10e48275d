import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import fontkit from '@cantoo/fontkit'
import {
  beginText,
  concatTransformationMatrix,
  drawObject,
  endText,
  nextLine,
  type PDFDocument,
  type PDFFont,
  type PDFImage,
  type PDFOperator,
  type PDFRef,
  popGraphicsState,
  pushGraphicsState,
  setFillingRgbColor,
  setFontAndSize,
  setLineHeight,
  setTextMatrix,
  showText
} from '@cantoo/pdf-lib'
import type { SignatureAppearance } from '../documents.js'
import { DocumentRefusal } from '../refusal.js'
import { logoKind } from './logo.js'

/** A font that has all letters of Vietnamese; only those used go into the document. */
const fontFile = 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf'
/** In points: margin within the rectangle, and bounds of the font's size. */
const margin = 2
const size = { most: 10, least: 3 }
const lineHeight = 1.2

/** Draws what a visible signature shows, as a form of the document (ISO 32000-1 §12.5.5). */
export async function drawAppearance(
  pdf: PDFDocument,
  { rectangle, lines, logo, fontSize, color }: SignatureAppearance
): Promise<PDFRef> {
  const { width, height } = rectangle
  const resources: { Font?: { F1: PDFRef }; XObject?: { I1: PDFRef } } = {}
  const operators: PDFOperator[] = [pushGraphicsState()]

  let textLeft = margin
  if (logo !== null) {
    const image = await embedLogo(pdf, logo)
    resources.XObject = { I1: image.ref }
    const room = { width: lines.length > 0 ? width / 3 : width, height }
    const fit = image.scaleToFit(room.width - 2 * margin, room.height - 2 * margin)
    operators.push(pushGraphicsState())
    operators.push(
      concatTransformationMatrix(
        fit.width,
        0,
        0,
        fit.height,
        (room.width - fit.width) / 2,
        (height - fit.height) / 2
      )
    )
    operators.push(drawObject('I1'), popGraphicsState())
    textLeft = room.width
  }

  if (lines.length > 0) {
    pdf.registerFontkit(fontkit)
    const path = createRequire(import.meta.url).resolve(fontFile)
    const font = await pdf.embedFont(readFileSync(path), { subset: true })
    resources.Font = { F1: font.ref }
    const room = { width: width - textLeft - margin, height: height - 2 * margin }
    const set = setText(font, lines, room, fontSize ?? size.most)
    operators.push(beginText(), setFillingRgbColor(...color), setFontAndSize('F1', set.size))
    operators.push(setLineHeight(set.size * lineHeight))
    operators.push(setTextMatrix(1, 0, 0, 1, textLeft, height - margin - set.size))
    for (const line of set.lines) operators.push(showText(font.encodeText(line)), nextLine())
    operators.push(endText())
  }
  operators.push(popGraphicsState())
  const { context } = pdf
  return context.register(
    context.formXObject(operators, {
      BBox: context.obj([0, 0, width, height]),
      Resources: context.obj({ ...resources })
    })
  )
}

/** The largest size at which all lines fit into the room; at the least of all, what does not fit is left out. */
function setText(
  font: PDFFont,
  lines: readonly string[],
  room: { width: number; height: number },
  sizeMost: number
): { size: number; lines: string[] } {
  for (let tried = Math.max(sizeMost, size.least); ; tried = Math.max(size.least, tried - 0.5)) {
    const broken = lines.flatMap((line) => breakLine(font, line, tried, room.width))
    const fits = broken.length * tried * lineHeight <= room.height
    if (fits) return { size: tried, lines: broken }
    if (tried <= size.least) {
      const count = Math.max(1, Math.floor(room.height / (tried * lineHeight)))
      return { size: tried, lines: broken.slice(0, count) }
    }
  }
}

/** At blanks, and within a word only where it is wider than the line. */
function breakLine(font: PDFFont, line: string, at: number, width: number): string[] {
  const fits = (text: string) => font.widthOfTextAtSize(text, at) <= width
  const broken: string[] = []
  let rest = ''
  for (const word of line.split(' ')) {
    const longer = rest === '' ? word : `${rest} ${word}`
    if (fits(longer)) {
      rest = longer
      continue
    }
    if (rest !== '') broken.push(rest)
    rest = ''
    for (const character of word) {
      if (rest !== '' && !fits(rest + character)) {
        broken.push(rest)
        rest = ''
      }
      rest += character
    }
  }
  return rest === '' ? broken : [...broken, rest]
}

async function embedLogo(pdf: PDFDocument, logo: Uint8Array): Promise<PDFImage> {
  const kind = logoKind(logo)
  try {
    return await (kind === 'png' ? pdf.embedPng(logo) : pdf.embedJpg(logo))
  } catch (cause) {
    throw new DocumentRefusal('The logo cannot be read.', { cause })
  }
}
