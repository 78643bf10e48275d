import { type Axis, axis } from './axis.js'

/** A line in a chart, with its name written at its end. */
export interface Series {
  name: string
  /** In the order of x. */
  points: readonly { x: number; y: number }[]
  /** Something to compare with rather than what was measured: grey and dashed. */
  reference?: true
}

export interface ChartSpec {
  title: string
  /** Below the title: what the lines are, in a sentence. */
  subtitle: string
  x: { title: string; scale: 'linear' | 'log'; ticks: readonly number[]; write?: (value: number) => string }
  y: { title: string; scale: 'linear' | 'log'; write?: (value: number) => string }
  series: readonly Series[]
}

const width = 800
const height = 420
const plot = { left: 72, right: 600, top: 96, bottom: 356 }
const ink = { text: '#1f2328', quiet: '#59636e', grid: '#e4e7eb', axis: '#9aa4ae', ground: '#fbfbf9' }
/** Okabe and Ito's colours, those that stand on a light ground; told apart with any colour vision. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#a8548a']
/** Each line has its own marks, too. */
const marks = ['circle', 'square', 'diamond', 'triangle'] as const
const labelHeight = 19

/**
 * Draws lines as an SVG that stands by itself: its own light ground, so that it can be read on a dark page as well,
 * text as text, each line named at its end.
 */
export function lineChart({ title, subtitle, x, y, series }: ChartSpec): string {
  const ys = series.flatMap(({ points }) => points.map((point) => point.y))
  const across = axis(x.scale, x.ticks, [plot.left, plot.right], x.ticks)
  const up = axis(y.scale, ys, [plot.bottom, plot.top])
  const drawn = coloured(series)
  const body = [
    text(plot.left - 48, 34, title, { size: 19, weight: 600 }),
    text(plot.left - 48, 57, subtitle, { size: 14, fill: ink.quiet }),
    text(plot.left - 48, 82, y.title, { size: 13, fill: ink.quiet }),
    ...horizontalGrid(up, y.write ?? written),
    ...verticalTicks(across, x.write ?? written),
    text((plot.left + plot.right) / 2, height - 18, x.title, { size: 13, fill: ink.quiet, anchor: 'middle' }),
    ...drawn.map((line) => lineOf(line, across, up)),
    ...labels(drawn, up, y.write ?? written)
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif">
<title>${escaped(`${title}. ${subtitle}`)}</title>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${ink.ground}" stroke="${ink.grid}"/>
${body.join('\n')}
</svg>
`
}

interface Drawn extends Series {
  colour: string
  mark: (typeof marks)[number]
}

function coloured(series: readonly Series[]): Drawn[] {
  let next = 0
  return series.map((one) => {
    if (one.reference) return { ...one, colour: ink.quiet, mark: 'circle' }
    const place = next++ % colours.length
    return { ...one, colour: colours[place] ?? ink.text, mark: marks[place] ?? 'circle' }
  })
}

const horizontalGrid = (up: Axis, write: (value: number) => string): string[] =>
  up.ticks.flatMap((value) => {
    const at = at2(up.place(value))
    return [
      `<path d="M${plot.left} ${at}H${plot.right}" stroke="${value === up.ticks[0] ? ink.axis : ink.grid}"/>`,
      text(plot.left - 10, up.place(value) + 4.5, write(value), {
        size: 13,
        fill: ink.quiet,
        anchor: 'end'
      })
    ]
  })

const verticalTicks = (across: Axis, write: (value: number) => string): string[] =>
  across.ticks.flatMap((value) => {
    const at = across.place(value)
    return [
      `<path d="M${at2(at)} ${plot.bottom}v5" stroke="${ink.axis}"/>`,
      text(at, plot.bottom + 22, write(value), { size: 13, fill: ink.quiet, anchor: 'middle' })
    ]
  })

function lineOf({ points, colour, mark, reference }: Drawn, across: Axis, up: Axis): string {
  const places = points.map((point) => [across.place(point.x), up.place(point.y)] as const)
  const path = places.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${at2(px)} ${at2(py)}`).join('')
  if (reference)
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="5 4"/>`
  const dots = places.map(([px, py]) => markAt(mark, px, py, colour)).join('')
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5" stroke-linejoin="round"/>${dots}`
}

function markAt(mark: Drawn['mark'], x: number, y: number, colour: string): string {
  const style = `fill="${colour}" stroke="${ink.ground}" stroke-width="1.5"`
  switch (mark) {
    case 'circle':
      return `<circle cx="${at2(x)}" cy="${at2(y)}" r="5" ${style}/>`
    case 'square':
      return `<rect x="${at2(x - 4.5)}" y="${at2(y - 4.5)}" width="9" height="9" ${style}/>`
    case 'diamond':
      return `<path d="M${at2(x)} ${at2(y - 6)}l6 6l-6 6l-6 -6z" ${style}/>`
    case 'triangle':
      return `<path d="M${at2(x)} ${at2(y - 6)}l6 10.5h-12z" ${style}/>`
  }
}

/** Name and last value at the end of each line, pushed apart where lines end close to each other. */
function labels(series: readonly Drawn[], up: Axis, write: (value: number) => string): string[] {
  const wanted = series
    .flatMap(({ name, colour, points }) => {
      const last = points.at(-1)
      return last === undefined ? [] : [{ name, colour, value: write(last.y), at: up.place(last.y) }]
    })
    .sort((a, b) => a.at - b.at)
  for (let index = 1; index < wanted.length; index += 1) {
    const [above, below] = [wanted[index - 1], wanted[index]]
    if (above && below) below.at = Math.max(below.at, above.at + labelHeight)
  }
  // What was pushed below the plot goes up again.
  let floor = plot.bottom + 4
  for (const label of wanted.toReversed()) {
    label.at = Math.min(label.at, floor)
    floor = label.at - labelHeight
  }
  return wanted.map(({ name, colour, value, at }) =>
    text(plot.right + 14, at + 5, name, { size: 14, fill: colour, weight: 600, after: value })
  )
}

function text(
  x: number,
  y: number,
  content: string,
  style: { size: number; fill?: string; weight?: number; anchor?: 'middle' | 'end'; after?: string }
): string {
  const { size, fill = ink.text, weight, anchor, after } = style
  const rest = after === undefined ? '' : `<tspan dx="8" font-weight="400">${escaped(after)}</tspan>`
  const more = `${weight ? ` font-weight="${weight}"` : ''}${anchor ? ` text-anchor="${anchor}"` : ''}`
  return `<text x="${at2(x)}" y="${at2(y)}" font-size="${size}" fill="${fill}"${more}>${escaped(content)}${rest}</text>`
}

/** Coordinates to a hundredth. */
const at2 = (value: number): string => String(Math.round(value * 100) / 100)

/** With commas, as few digits as say it. */
export const written = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 4 })

const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
