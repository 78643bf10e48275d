import { createHash, randomBytes } from 'node:crypto'
import { Browser, type Shown } from '../clients/plain-browser.js'
import type { Answer } from '../clients/portal.js'

export const redirectUri = 'http://127.0.0.1:9/callback?kept=1'

/** RFC 7636. */
export function pkce() {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** One relying party's view of the OAuth endpoints of one API, by plain requests. */
export class OAuthParty {
  readonly base: string
  readonly client: { client_id: string; client_secret: string }

  constructor(
    url: string,
    provider: string,
    readonly version: 'v1' | 'v2',
    client: { clientId: string; clientSecret: string } = { clientId: 'dvctt', clientSecret: 'dvctt-secret' }
  ) {
    this.base = `${url}/${provider}/csc/${version}`
    this.client = { client_id: client.clientId, client_secret: client.clientSecret }
  }

  authorizeUrl(parameters: Record<string, string | undefined>): string {
    const query = new URLSearchParams()
    const all = {
      response_type: 'code',
      client_id: this.client.client_id,
      redirect_uri: redirectUri,
      ...parameters
    }
    for (const [name, value] of Object.entries(all)) if (value !== undefined) query.append(name, value)
    return `${this.base}/oauth2/authorize?${query}`
  }

  async post(
    path: string,
    fields: Record<string, string> | string,
    headers: Record<string, string> = {}
  ): Promise<Answer> {
    const response = await fetch(`${this.base}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
  }

  token = (fields: Record<string, string>) => this.post('oauth2/token', { ...this.client, ...fields })
  push = (fields: Record<string, string>) =>
    this.post('oauth2/pushed_authorize', {
      ...this.client,
      response_type: 'code',
      redirect_uri: redirectUri,
      ...fields
    })
  revoke = (token: string, more: Record<string, string> = {}) =>
    this.post('oauth2/revoke', { ...this.client, token, ...more })

  exchange = (code: string | undefined, fields: Record<string, string> = {}) =>
    this.token({ grant_type: 'authorization_code', code: code ?? '', redirect_uri: redirectUri, ...fields })

  /** A method of the API with a token. */
  async call(method: string, body: unknown, token: unknown): Promise<Answer> {
    const response = await fetch(`${this.base}/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
  }

  /** Opens an address, logs in, and waits until the phone has answered, if it is asked. */
  async through(
    url: string,
    who: { login: string; password?: string },
    browser = new Browser(new URL(url).origin)
  ): Promise<Shown> {
    const page = await browser.open(url)
    const after = await browser.submit(page, 'login', { login: who.login, password: who.password ?? '' })
    return browser.settled(after)
  }
}
