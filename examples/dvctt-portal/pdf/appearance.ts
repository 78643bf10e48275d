import {
  degrees,
  drawRectangle,
  drawTextLines,
  layoutMultilineText,
  type PDFDocument,
  type PDFRef,
  rgb,
  TextAlignment
} from '@cantoo/pdf-lib'
import { embedFont } from './fonts.js'
import type { Rectangle } from './places.js'

const ink = rgb(0.72, 0.07, 0.07)
/** In points. */
const border = 1
const padding = 5
/** A line is shown smaller before it is cut off: names of organisations are long. */
const size = { most: 8.5, least: 4, step: 0.5 }

/** Draws what a visible signature shows: a form within the document, of the size of the rectangle (ISO 32000-1 §12.5.5). */
export async function drawAppearance(
  pdf: PDFDocument,
  { width, height }: Rectangle,
  lines: readonly string[]
): Promise<PDFRef> {
  const font = await embedFont(pdf, 'regular')
  const bounds = {
    x: padding,
    y: padding,
    width: width - 2 * padding,
    height: height - 2 * padding
  }
  const setAt = (fontSize: number) =>
    layoutMultilineText(lines.join('\n'), { alignment: TextAlignment.Left, font, fontSize, bounds })
  let fontSize = size.most
  let text = setAt(fontSize)
  while (text.lines.length * text.lineHeight > bounds.height && fontSize > size.least) {
    fontSize -= size.step
    text = setAt(fontSize)
  }
  const upright = degrees(0)
  const { context } = pdf
  const operators = [
    ...drawRectangle({
      x: border / 2,
      y: border / 2,
      width: width - border,
      height: height - border,
      color: undefined,
      borderColor: ink,
      borderWidth: border,
      rotate: upright,
      xSkew: upright,
      ySkew: upright
    }),
    ...drawTextLines(text.lines, {
      color: ink,
      font: 'F1',
      size: fontSize,
      rotate: upright,
      xSkew: upright,
      ySkew: upright
    })
  ]
  return context.register(
    context.formXObject(operators, {
      BBox: context.obj([0, 0, width, height]),
      Resources: context.obj({ Font: { F1: font.ref } })
    })
  )
}
