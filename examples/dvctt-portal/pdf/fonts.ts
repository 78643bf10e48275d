import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import fontkit from '@cantoo/fontkit'
import type { PDFDocument, PDFFont } from '@cantoo/pdf-lib'

/** The fonts that every PDF reader has lack most Vietnamese letters, so a document brings its own. */
const files = {
  regular: 'dejavu-fonts-ttf/ttf/DejaVuSerif.ttf',
  bold: 'dejavu-fonts-ttf/ttf/DejaVuSerif-Bold.ttf'
} as const

/** A font with all letters of Vietnamese. Only the letters that are used go into the document. */
export function embedFont(pdf: PDFDocument, weight: keyof typeof files): Promise<PDFFont> {
  pdf.registerFontkit(fontkit)
  const path = createRequire(import.meta.url).resolve(files[weight])
  return pdf.embedFont(readFileSync(path), { subset: true })
}
