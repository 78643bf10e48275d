import type { Answer } from './portal.js'

/** CA staff with the operator API, over HTTP. */
export class Operator {
  readonly #url: string
  readonly #key: string

  constructor({ url, key = 'operator-demo' }: { url: string; key?: string }) {
    this.#url = `${url}/operator`
    this.#key = key
  }

  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Promise<Answer<Body>> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Body
    }
  }

  post = <Body = Record<string, unknown>>(path: string, body: unknown = {}) =>
    this.call<Body>('POST', path, body)
  get = <Body = Record<string, unknown>>(path: string) => this.call<Body>('GET', path)

  /** The subscriber of a login. */
  async subscriberId(provider: string, login: string): Promise<string> {
    const query = new URLSearchParams({ provider, query: login })
    const { body } = await this.get<{ items: { id: string; login: string }[] }>(`/subscribers?${query}`)
    const found = body.items.find((item) => item.login === login)
    if (found === undefined) throw new Error(`no subscriber ${login} at ${provider}`)
    return found.id
  }
}
