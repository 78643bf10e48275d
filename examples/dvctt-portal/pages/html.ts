/** Text that is HTML already: made by `html`, and by nothing else. */
export class Html {
  private constructor(readonly text: string) {}
  /** For `html` alone. */
  static readonly made = (text: string): Html => new Html(text)
}

export type HtmlValue = string | number | Html | null | readonly HtmlValue[]

/**
 * A page, or a part of one. Values are escaped for where they may stand: in text and in quoted attributes. HTML made
 * by this very function stays as it is; null stands for nothing, a list for its members.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.made(parts.map((part, index) => part + written(values[index] ?? null)).join(''))
}

function written(value: HtmlValue): string {
  if (value === null) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(written).join('')
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
