/** A browser without scripts: cookies by path, forms as they stand in a page, redirects followed one by one. */

/** What it shows. */
export interface Shown {
  status: number
  url: string
  headers: Headers
  html: string
}

interface Cookie {
  name: string
  value: string
  path: string
  attributes: string
}

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'"
}
const plain = (text: string) =>
  text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? '')

/** The members of a form of one action, by name; hidden ones have their values. */
export function formOf(html: string, action: string): Record<string, string> | null {
  for (const [form] of html.matchAll(/<form[\s\S]*?<\/form>/g)) {
    const members: Record<string, string> = {}
    for (const [input] of form.matchAll(/<input[^>]*>/g)) {
      const name = /\sname="([^"]*)"/.exec(input)?.[1]
      if (name !== undefined) members[name] = plain(/\svalue="([^"]*)"/.exec(input)?.[1] ?? '')
    }
    if (members.action === action) return members
  }
  return null
}

export class Browser {
  readonly cookies: Cookie[] = []
  /** Every address it was at. */
  readonly visited: string[] = []
  readonly #origin: string
  readonly #headers: Record<string, string>

  /** @param origin Of the server; at any other address it stops. */
  constructor(origin: string, headers: Record<string, string> = {}) {
    this.#origin = origin
    this.#headers = headers
  }

  /** One request, without what follows. */
  async fetch(url: string, form?: Record<string, string>): Promise<Response> {
    const { pathname } = new URL(url)
    const cookie = this.cookies
      .filter(({ path }) => pathname === path || pathname.startsWith(`${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    this.visited.push(url)
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...this.#headers },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) })
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split('=')
    const of = (attribute: string) =>
      attributes.find((one) => one.startsWith(`${attribute}=`))?.slice(attribute.length + 1)
    const index = this.cookies.findIndex((cookie) => cookie.name === name)
    if (index >= 0) this.cookies.splice(index, 1)
    if (of('Max-Age') !== '0')
      this.cookies.push({ name, value, path: of('Path') ?? '/', attributes: attributes.join('; ') })
  }

  /** Follows redirects and pages that lead on by themselves, until a page stays or the browser leaves the server. */
  async open(url: string, form?: Record<string, string>): Promise<Shown> {
    let [next, body] = [url, form]
    for (let hop = 0; hop < 10; hop += 1) {
      const response = await this.fetch(next, body)
      const location = response.headers.get('location')
      const html = await response.text()
      const refresh = /<meta http-equiv="refresh" content="0; url=([^"]*)">/.exec(html)?.[1]
      const onward = location ?? (refresh === undefined ? null : plain(refresh))
      if (onward === null) return { status: response.status, url: next, headers: response.headers, html }
      body = undefined
      next = new URL(onward, next).href
      if (!next.startsWith(`${this.#origin}/`))
        return { status: response.status, url: next, headers: response.headers, html: '' }
    }
    throw new Error(`going round in circles at ${next}`)
  }

  /** Fills in the form of a page and sends it. */
  async submit(shown: Shown, action: string, fields: Record<string, string> = {}): Promise<Shown> {
    const members = formOf(shown.html, action)
    if (members === null)
      throw new Error(`no form to ${action} at ${shown.url}: ${shown.html.slice(0, 2_000)}`)
    return this.open(shown.url, { ...members, ...fields })
  }

  /** Loads a waiting page again until it leads somewhere else. */
  async settled(shown: Shown, patienceMs = 20_000): Promise<Shown> {
    const until = Date.now() + patienceMs
    for (let now = shown; ; now = await this.open(shown.url)) {
      if (!now.html.includes('data-status="phone"') || Date.now() > until) return now
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** The parameters that a relying party is sent. */
export const answerIn = ({ url }: Shown): Record<string, string> =>
  Object.fromEntries(new URL(url).searchParams)
