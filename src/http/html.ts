/** Text that is HTML already: made by `html`, and by nothing else. */
export class Html {
  readonly #text: string
  private constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }

  /** For `html` alone: whoever calls it vouches for every character. */
  static readonly made = (text: string): Html => new Html(text)
}

/** What may stand in a template: text and numbers are escaped, HTML is not, a list is its members one after the other. */
export type HtmlValue = string | number | Html | null | readonly HtmlValue[]

/**
 * HTML with values in it, escaped for text and for quoted attribute values, which are the only places where values may
 * stand: `` html`<a href="${address}">${name}</a>` ``. Null stands for nothing.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.made(
    parts.reduce((text, part, index) => text + part + (index < values.length ? shown(values[index]) : ''), '')
  )
}

function shown(value: HtmlValue | undefined): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(shown).join('')
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}
