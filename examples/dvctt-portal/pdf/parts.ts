/** Parts that the portal's documents have in common. */
import { type Column, fullWidth, type Sheet, type TextStyle } from './sheet.js'

/** In points, around the text of a cell. */
const padding = 4
const cellSize = 9

/** A column of a table. The widths of all columns share the page in their proportions. */
export interface TableColumn {
  title: string
  share: number
  align?: 'left' | 'right' | 'center'
}

/** The head of Vietnamese official papers: who writes on the left, the state's name and motto on the right. */
export function letterhead(sheet: Sheet, { name, under }: { name: string; under: string }): void {
  const half = fullWidth.width / 2
  const left = { x: fullWidth.x, width: half - 12 }
  const right = { x: fullWidth.x + half - 24, width: half + 24 }
  const strong = { weight: 'bold', align: 'center', size: 9 } as const
  const { top } = sheet
  const nameHeight = sheet.heightOf(name.toLocaleUpperCase('vi'), strong, left.width)
  sheet.place(name.toLocaleUpperCase('vi'), top, strong, left)
  sheet.place(under, top - nameHeight, { align: 'center', size: 9 }, left)
  sheet.place('CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM', top, strong, right)
  sheet.place('Độc lập - Tự do - Hạnh phúc', top - 14, strong, right)
  sheet.skip(nameHeight + 32)
}

export function title(sheet: Sheet, text: string, under: string): void {
  sheet.write(text, { weight: 'bold', size: 13, align: 'center' })
  sheet.skip(2)
  sheet.write(under, { align: 'center' })
  sheet.skip(10)
}

/** A section with its heading; at least some of it stands on the same page. */
export function section(sheet: Sheet, heading: string): void {
  sheet.need(60)
  sheet.skip(8)
  sheet.write(heading, { weight: 'bold' })
  sheet.skip(4)
}

/** Names and values in two columns. */
export function facts(sheet: Sheet, rows: readonly (readonly [name: string, value: string])[]): void {
  const [names, values] = columnsOf([{ share: 38 }, { share: 62 }])
  for (const row of rows) drawRow(sheet, [names, values], row, [{}, {}])
}

/** A table whose head is repeated on every page. */
export function table(
  sheet: Sheet,
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[]
): void {
  const places = columnsOf(columns)
  const head = () => {
    const styles = columns.map((): TextStyle => ({ weight: 'bold', align: 'center' }))
    drawRow(
      sheet,
      places,
      columns.map(({ title }) => title),
      styles
    )
  }
  sheet.need(60)
  head()
  const styles = columns.map(({ align = 'left' }): TextStyle => ({ align }))
  for (const row of rows) drawRow(sheet, places, row, styles, head)
}

function columnsOf(columns: readonly { share: number }[]): Column[] {
  const whole = columns.reduce((sum, { share }) => sum + share, 0)
  let { x } = fullWidth
  return columns.map(({ share }) => {
    const column = { x, width: (fullWidth.width * share) / whole }
    x += column.width
    return column
  })
}

/** One row, as high as its highest cell. `onNewPage` is called where it begins a page. */
function drawRow(
  sheet: Sheet,
  columns: readonly (Column | undefined)[],
  texts: readonly string[],
  styles: readonly TextStyle[],
  onNewPage?: () => void
): void {
  const cells = columns.flatMap((column, index) => {
    if (column === undefined) return []
    const style = { size: cellSize, ...styles[index] }
    const inner = { x: column.x + padding, width: column.width - 2 * padding }
    const text = texts[index] ?? ''
    return [{ column, inner, text, style, height: sheet.heightOf(text, style, inner.width) }]
  })
  const height = Math.max(...cells.map((cell) => cell.height)) + 2 * padding
  if (sheet.need(height)) onNewPage?.()
  for (const { column, inner, text, style } of cells) {
    sheet.box(column, sheet.top, height)
    sheet.place(text, sheet.top - padding, style, inner)
  }
  sheet.skip(height)
}
