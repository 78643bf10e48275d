/** An element's attributes, names in lower case, values decoded. */
export type Attributes = Readonly<Record<string, string>>

/** A form as it could be sent. */
export interface Form {
  action: string
  method: 'get' | 'post'
  /** Inputs in order, buttons among them; `label` is what a button says. */
  inputs: (Attributes & { label: string })[]
}

/** What a page holds that leads on. */
export interface Page {
  forms: Form[]
  /** Of `<meta http-equiv="refresh">`. */
  refresh: { afterS: number; url: string } | null
}

/**
 * Reads forms and refreshes from a page, as far as plain pages go: no script runs, and broken markup is not mended.
 */
export function readPage(html: string): Page {
  const text = html.replaceAll(/<!--[\s\S]*?-->/g, '').replaceAll(/<script\b[\s\S]*?<\/script>/gi, '')
  const forms = [...text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, tag = '', inside = '']) => {
    const { action = '', method = 'get' } = attributesOf(tag)
    return {
      action,
      method: /^post$/i.test(method) ? ('post' as const) : ('get' as const),
      inputs: inputsOf(inside)
    }
  })
  return { forms, refresh: refreshOf(text) }
}

function inputsOf(html: string): Form['inputs'] {
  const inputs: Form['inputs'] = []
  for (const [, name = '', tag = '', inside = ''] of html.matchAll(
    /<(input|button|select|textarea)\b([^>]*)>(?:([\s\S]*?)<\/\1>)?/gi
  )) {
    const attributes = attributesOf(tag)
    const kind = name.toLowerCase()
    const type =
      kind === 'button'
        ? (attributes.type ?? 'submit')
        : kind === 'input'
          ? (attributes.type ?? 'text')
          : kind
    const option =
      kind === 'select' ? attributesOf(/<option\b([^>]*)/i.exec(inside)?.[1] ?? '').value : undefined
    inputs.push({
      ...attributes,
      ...(option === undefined ? {} : { value: option }),
      type: type.toLowerCase(),
      label: decode(inside.replaceAll(/<[^>]*>/g, ' ')).trim()
    })
  }
  return inputs
}

function refreshOf(html: string): Page['refresh'] {
  for (const [, tag = ''] of html.matchAll(/<meta\b([^>]*)>/gi)) {
    const { 'http-equiv': kind = '', content = '' } = attributesOf(tag)
    const parts = /^\s*(\d+)\s*(?:[;,]\s*(?:url\s*=\s*)?['"]?([^'"]*)['"]?)?\s*$/i.exec(content)
    if (/^refresh$/i.test(kind) && parts !== null) return { afterS: Number(parts[1]), url: parts[2] ?? '' }
  }
  return null
}

function attributesOf(tag: string): Attributes {
  const attributes: Record<string, string> = {}
  for (const [, name = '', double, single, bare] of tag.matchAll(
    /([a-z][a-z0-9:_-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/gi
  )) {
    attributes[name.toLowerCase()] = decode(double ?? single ?? bare ?? '')
  }
  return attributes
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' '
}

function decode(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi,
    (whole, hex?: string, number?: string, name?: string) => {
      if (name !== undefined) return entities[name.toLowerCase()] ?? whole
      return String.fromCodePoint(hex === undefined ? Number(number) : Number.parseInt(hex, 16))
    }
  )
}
