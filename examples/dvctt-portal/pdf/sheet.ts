/** Pages of text on A4: what the portal's documents are written with. Positions in points from the lower left corner. */
import {
  layoutMultilineText,
  PDFDocument,
  type PDFFont,
  type PDFPage,
  rgb,
  TextAlignment
} from '@cantoo/pdf-lib'
import { embedFont } from './fonts.js'
import { type Place, places, signaturesHeight } from './places.js'

const a4 = { width: 595, height: 842 }
const margin = { x: 56, top: 56, bottom: 64 }
const black = rgb(0, 0, 0)
const grey = rgb(0.4, 0.4, 0.4)
const bodySize = 10
/** Of the size: how far descenders reach below their line. */
const descent = 0.25
const note = 'Bản do cổng mẫu của dự án kyso tạo ra để thử ký số từ xa. Không có giá trị pháp lý.'

/** How a piece of text is set. */
export interface TextStyle {
  weight?: 'regular' | 'bold'
  size?: number
  align?: 'left' | 'center' | 'right'
}

/** A column of text to stand in: its left edge and width. */
export interface Column {
  x: number
  width: number
}

/** The whole width between the margins. */
export const fullWidth: Column = { x: margin.x, width: a4.width - 2 * margin.x }

/** A document that is being written, from top to bottom. */
export class Sheet {
  readonly #pdf: PDFDocument
  readonly #fonts: { regular: PDFFont; bold: PDFFont }
  #page: PDFPage
  /** Where the next text begins. */
  #top: number

  private constructor(pdf: PDFDocument, fonts: { regular: PDFFont; bold: PDFFont }) {
    this.#pdf = pdf
    this.#fonts = fonts
    this.#page = pdf.addPage([a4.width, a4.height])
    this.#top = a4.height - margin.top
  }

  static async create(title: string, madeAt: Date): Promise<Sheet> {
    const pdf = await PDFDocument.create({ updateMetadata: false })
    pdf.setTitle(title, { showInWindowTitleBar: true })
    pdf.setLanguage('vi')
    pdf.setCreationDate(madeAt)
    pdf.setModificationDate(madeAt)
    return new Sheet(pdf, { regular: await embedFont(pdf, 'regular'), bold: await embedFont(pdf, 'bold') })
  }

  get top(): number {
    return this.#top
  }

  /** Begins a page where fewer points than `height` are left. @returns whether it did. */
  need(height: number): boolean {
    if (this.#top - height >= margin.bottom) return false
    this.#page = this.#pdf.addPage([a4.width, a4.height])
    this.#top = a4.height - margin.top
    return true
  }

  skip(height: number): void {
    this.#top -= height
  }

  /** Text across a column, in as many lines as it takes. */
  write(text: string, style: TextStyle = {}, column: Column = fullWidth): void {
    const height = this.heightOf(text, style, column.width)
    this.need(height)
    this.place(text, this.#top, style, column)
    this.skip(height)
  }

  /** Text that begins at `top` and does not move what follows. */
  place(text: string, top: number, style: TextStyle, column: Column): void {
    const { font, size, lines } = this.#set(text, style, { ...column, y: top })
    for (const line of lines)
      this.#page.drawText(line.text, { x: line.x, y: line.y + descent * size, size, font, color: black })
  }

  heightOf(text: string, style: TextStyle, width: number): number {
    const { lines, lineHeight } = this.#set(text, style, { x: 0, y: 0, width })
    return lines.length * lineHeight
  }

  /** A box as of a table, from `top` down. */
  box(column: Column, top: number, height: number): void {
    const { x, width } = column
    this.#page.drawRectangle({ x, y: top - height, width, height, borderColor: grey, borderWidth: 0.5 })
  }

  /** Titles over the places of the signatures, which are on the last page with nothing else below. */
  signers(titles: Partial<Record<Place, string>>): void {
    this.need(signaturesHeight - margin.bottom)
    for (const place of ['left', 'right'] as const) {
      const title = titles[place]
      if (title === undefined) continue
      const { x, y, width, height } = places[place]
      const style = { weight: 'bold', align: 'center' } as const
      this.place(title.toLocaleUpperCase('vi'), y + height + 34, style, { x, width })
      this.place('(ký số từ xa)', y + height + 19, { align: 'center', size: 8.5 }, { x, width })
    }
  }

  /** The file. It has a table of its objects rather than a stream, which every reader of signatures understands. */
  async save(): Promise<Uint8Array> {
    const pages = this.#pdf.getPages()
    for (const [index, page] of pages.entries()) {
      this.#page = page
      this.place(note, 44, { size: 7 }, fullWidth)
      this.place(`${index + 1}/${pages.length}`, 44, { size: 7, align: 'right' }, fullWidth)
    }
    return this.#pdf.save({ useObjectStreams: false })
  }

  #set(
    text: string,
    { weight = 'regular', size = bodySize, align = 'left' }: TextStyle,
    at: Column & { y: number }
  ) {
    const font = this.#fonts[weight]
    const alignment = { left: TextAlignment.Left, center: TextAlignment.Center, right: TextAlignment.Right }[
      align
    ]
    return {
      font,
      size,
      ...layoutMultilineText(text, { alignment, font, fontSize: size, bounds: { ...at, height: 0 } })
    }
  }
}
