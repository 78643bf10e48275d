import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './portal.js'

/** What wraps every answer but that of `credentials/info`. */
export interface Envelope<Content> {
  code: number
  codeDesc: string
  message: string
  content: Content
}

/** What `auth/token` answers, or how it fails. */
export interface TokenBody {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: number
  scope: string
  error?: string
  error_description?: string
}

/** `credentials/info`, bare; or how it fails, in the envelope. */
export interface InfoBody extends Partial<Envelope<null>> {
  key: { status: string; alg: string[]; len: number }
  cert: {
    status: string
    certificates: string[]
    serialNumber: string
    subjectDN: string
    issuerDN: string
    validFrom: string
    validTo: string
  }
  authMode: string
  scal: string
  multisign: number
  status: string
  servicePacks: unknown[]
  signType: number
  defaultServicePackId: string | null
}

/** `gettraninfo`. */
export interface TransactionBody {
  refTranId: string
  documents: {
    name: string
    type: string | null
    size: number | null
    data: string | null
    hash: string
    sig: string | null
    dataSigned: string | null
    url: string | null
  }[]
  tranId: string
  sub: string
  credentialId: string
  tranType: number
  tranTypeDesc: string
  tranStatus: number
  tranStatusDesc: string
  reqTime: string
}

/** A portal that speaks VNPT's OAuth and CSC variant: a token of a person, then calls with it. */
export class VnptCscClient {
  readonly base: string
  readonly client: { client_id: string; client_secret: string }

  constructor(options: { url: string; clientId?: string; clientSecret?: string }) {
    const { url, clientId = 'dvctt', clientSecret = 'dvctt-secret' } = options
    this.base = `${url}/vnpt`
    this.client = { client_id: clientId, client_secret: clientSecret }
  }

  /** `auth/token`. */
  async token(fields: Record<string, string>): Promise<Answer<TokenBody>> {
    const response = await fetch(`${this.base}/auth/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...this.client, ...fields })
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenBody }
  }

  byPassword = (username: string, password: string): Promise<Answer<TokenBody>> =>
    this.token({ grant_type: 'password', username, password, scope: 'sign offline_access' })

  /** Where the browser of a person is sent; `undefined` leaves a parameter out. */
  authorizeUrl(parameters: Record<string, string | undefined>): string {
    const query = new URLSearchParams()
    const all = {
      response_type: 'code',
      client_id: this.client.client_id,
      scope: 'sign offline_access',
      ...parameters
    }
    for (const [name, value] of Object.entries(all)) if (value !== undefined) query.append(name, value)
    return `${this.base}/auth/authorize?${query}`
  }

  exchange = (code: string | undefined, redirect_uri: string, more: Record<string, string> = {}) =>
    this.token({ grant_type: 'authorization_code', code: code ?? '', redirect_uri, ...more })

  refresh = (refresh_token: string): Promise<Answer<TokenBody>> =>
    this.token({ grant_type: 'refresh_token', refresh_token })

  /** The access token of a person. */
  async tokenOf(username: string, password: string): Promise<string> {
    const { status, body } = await this.byPassword(username, password)
    if (status !== 200) throw new Error(`no token: ${JSON.stringify(body)}`)
    return body.access_token
  }

  /** Any call with a JSON body. */
  async post<Body>(path: string, body: unknown, token?: string): Promise<Answer<Body>> {
    const response = await fetch(`${this.base}/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      body: JSON.stringify(body)
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
  }

  list = (token: string) => this.post<Envelope<string[]>>('csc/credentials/list', {}, token)

  info = (token: string, credentialId: string, changes: object = {}) =>
    this.post<InfoBody>(
      'csc/credentials/info',
      { credentialId, certificates: 'chain', certInfo: true, authInfo: true, ...changes },
      token
    )

  /** A right body of `signhash`; `undefined` in `changes` leaves a member out. */
  hashes(
    credentialId: string,
    refTranId: string,
    digests: readonly Uint8Array[],
    changes: object = {}
  ): Record<string, unknown> {
    const datas = digests.map((digest, index) => ({
      name: `UNC-${index + 1}`,
      hash: Buffer.from(digest).toString('base64')
    }))
    return { credentialId, refTranId, description: 'Hồ sơ thanh toán', datas, ...changes }
  }

  signHash = (token: string, fields: Record<string, unknown>) =>
    this.post<Envelope<{ tranId: string }>>('csc/signature/signhash', fields, token)

  sign = (token: string, fields: Record<string, unknown>) =>
    this.post<Envelope<{ tranId: string }>>('csc/signature/sign', fields, token)

  transaction = (token: string, tranId: unknown) =>
    this.post<Envelope<TransactionBody>>('csc/credentials/gettraninfo', { tranId }, token)

  userInfo = (token: string) =>
    this.post<Envelope<Record<string, unknown>>>('identityapi/userinfo/info', {}, token)

  /** Asks again and again, as clients do, until nothing is waited for any more; for at most `patienceMs`. */
  async ended(token: string, tranId: unknown, patienceMs = 20_000): Promise<TransactionBody> {
    const until = Date.now() + patienceMs
    for (;;) {
      const { body } = await this.transaction(token, tranId)
      if (body.content === null) throw new Error(JSON.stringify(body))
      if (body.content.tranStatus !== 4000 || Date.now() > until) return body.content
      await sleep(50)
    }
  }
}
