/** A relying party as a portal would write it from the CSC standard: fetch, JSON and nothing of the server's code. */

/** An answer with its body read. */
export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Headers
  body: Body
}

export const sha256Oid = '2.16.840.1.101.3.4.2.1'
export const rsaSha256Oid = '1.2.840.113549.1.1.11'
export const ecdsaSha256Oid = '1.2.840.10045.4.3.2'

export interface PortalOptions {
  url: string
  provider: string
  clientId?: string
  clientSecret?: string
  /** Default `v2`. */
  version?: 'v1' | 'v2'
}

/** One relying party at one provider, CSC v2 unless it was made for v1. */
export class Portal {
  readonly base: string
  readonly #client: { id: string; secret: string }
  #token: string | null = null

  constructor({
    url,
    provider,
    clientId = 'dvctt',
    clientSecret = 'dvctt-secret',
    version = 'v2'
  }: PortalOptions) {
    this.base = `${url}/${provider}/csc/${version}`
    this.#client = { id: clientId, secret: clientSecret }
  }

  /** A service access token by client credentials; remembered for the calls below. */
  async token(): Promise<string> {
    if (this.#token !== null) return this.#token
    const { body } = await this.form('/oauth2/token', {
      grant_type: 'client_credentials',
      client_id: this.#client.id,
      client_secret: this.#client.secret
    })
    this.#token = String(body.access_token)
    return this.#token
  }

  async form(path: string, fields: Record<string, string>): Promise<Answer> {
    return read(await fetch(`${this.base}${path}`, { method: 'POST', body: new URLSearchParams(fields) }))
  }

  /** Any method of the API, with the token, as it answers. */
  async call<Body = Record<string, unknown>>(
    method: string,
    body: unknown,
    token?: string
  ): Promise<Answer<Body>> {
    const authorization = `Bearer ${token ?? (await this.token())}`
    return read<Body>(
      await fetch(`${this.base}/${method}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body)
      })
    )
  }

  async credentials(userID: string): Promise<string[]> {
    const { body } = await this.call<{ credentialIDs: string[] }>('credentials/list', { userID })
    return body.credentialIDs
  }

  /** The leaf certificate of a credential, DER. */
  async certificate(credentialID: string): Promise<Buffer> {
    const { body } = await this.call<{ cert: { certificates: string[] } }>('credentials/info', {
      credentialID
    })
    return Buffer.from(body.cert.certificates[0] ?? '', 'base64')
  }

  authorize(credentialID: string, digests: readonly Uint8Array[], more: Record<string, unknown> = {}) {
    return this.call('credentials/authorize', {
      credentialID,
      numSignatures: digests.length,
      hashes: digests.map(base64),
      hashAlgorithmOID: sha256Oid,
      authData: [{ id: 'biometric' }],
      ...more
    })
  }

  check(handle: unknown) {
    return this.call('credentials/authorizeCheck', { handle })
  }

  /** Polls until the subscriber has answered, for at most `patienceMs`. */
  async answered(handle: unknown, patienceMs = 20_000): Promise<Answer> {
    const until = Date.now() + patienceMs
    for (;;) {
      const answer = await this.check(handle)
      if (answer.status !== 202 || Date.now() > until) return answer
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  sign(
    credentialID: string,
    sad: unknown,
    digests: readonly Uint8Array[],
    signAlgo: string,
    more: object = {}
  ) {
    return this.call<{ signatures?: string[]; error?: string; error_description?: string }>(
      'signatures/signHash',
      {
        credentialID,
        SAD: sad,
        hashes: digests.map(base64),
        signAlgo,
        ...more
      }
    )
  }
}

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

async function read<Body>(response: Response): Promise<Answer<Body>> {
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Body
  }
}
