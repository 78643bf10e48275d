import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './portal.js'

/** How every call fails. */
export interface MySignError {
  error?: string
  error_description?: string
}

/** What both calls answer that issue tokens. */
export interface TokenBody extends MySignError {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: string | number
}

/** An item of `certificates/info`. */
export interface CredentialItem {
  credential_id: string
  description: string
  key: { status: string; algo: string[]; len: string | number; curve: string | null }
  cert: {
    status: string
    certificates: string[]
    issuerDN: string
    serialNumber: string
    subjectDN: string
    validFrom: string
    validTo: string
  }
  authMode: string
  multisign: string | number
  scal: string | number
}

export interface StatusBody extends MySignError {
  status: string | number
  description: string
  signatures: string[] | null
}

export interface SignBody extends MySignError {
  signatures?: string[]
  transactionId?: string
}

/** Members of a signHash body; a test may send anything. */
export type SignFields = Record<string, unknown>

/** A portal that speaks MySign, as public clients do: log in for a user, list, sign, ask. */
export class MySignClient {
  readonly #base: string
  readonly #client: { client_id: string; client_secret: string }
  readonly #profile = { profile_id: 'adss:ras:profile:001' }

  constructor(options: { url: string; clientId?: string; clientSecret?: string }) {
    const { url, clientId = 'dvctt', clientSecret = 'dvctt-secret' } = options
    this.#base = `${url}/viettel/vtss/service`
    this.#client = { client_id: clientId, client_secret: clientSecret }
  }

  /** Any call with a JSON body. */
  async post<Body>(path: string, body: unknown, token?: string, signal?: AbortSignal): Promise<Answer<Body>> {
    const response = await fetch(`${this.#base}/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal })
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
  }

  login(user_id: string, changes: Record<string, unknown> = {}): Promise<Answer<TokenBody>> {
    return this.post('ras/v1/login', { ...this.#client, user_id, ...this.#profile, ...changes })
  }

  /** The token of a user. */
  async tokenFor(user_id: string): Promise<string> {
    const { status, body } = await this.login(user_id)
    if (status !== 200) throw new Error(`login failed: ${JSON.stringify(body)}`)
    return body.access_token
  }

  /** A token of the relying party alone. */
  async authenticate(fields: Record<string, string> = {}): Promise<Answer<TokenBody>> {
    const form = { ...this.#client, grant_type: 'client_credentials', ...fields }
    const response = await fetch(`${this.#base}/ras/v1/authenticate`, {
      method: 'POST',
      body: new URLSearchParams(form)
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenBody }
  }

  certificates(
    token: string,
    user_id: string,
    changes: Record<string, unknown> = {}
  ): Promise<Answer<CredentialItem[]>> {
    const wanted = { certificates: 'chain', certInfo: true, authInfo: true }
    const body = { ...this.#client, ...this.#profile, user_id, ...wanted, ...changes }
    return this.post('certificates/info', body, token)
  }

  /** The first credential of a user: what real clients take. */
  async credential(token: string, user_id: string): Promise<CredentialItem> {
    const { body } = await this.certificates(token, user_id)
    const [first] = body
    if (first === undefined) throw new Error(`${user_id} has no credential`)
    return first
  }

  /** A right body for these digests; `undefined` in `changes` leaves a member out. */
  signFields(credentialID: string, digests: readonly Uint8Array[], changes: SignFields = {}): SignFields {
    return {
      ...this.#client,
      credentialID,
      numSignatures: digests.length,
      description: base64('Hồ sơ thanh toán'),
      documents: digests.map((_, index) => ({
        document_id: `doc-${index + 1}`,
        document_name: base64(`Uỷ nhiệm chi ${index + 1}`)
      })),
      hash: digests.map((digest) => Buffer.from(digest).toString('base64')),
      hashAlgo: '2.16.840.1.101.3.4.2.1',
      signAlgo: '1.2.840.113549.1.1.1',
      async: 1,
      ...changes
    }
  }

  sign(token: string, fields: SignFields, signal?: AbortSignal): Promise<Answer<SignBody>> {
    return this.post('signHash', fields, token, signal)
  }

  status(token: string, transactionId: unknown): Promise<Answer<StatusBody>> {
    return this.post('requests/status', { transactionId }, token)
  }

  /** Asks again and again, as clients do, until it is not pending; for at most `patienceMs`. */
  async ended(token: string, transactionId: unknown, patienceMs = 20_000): Promise<Answer<StatusBody>> {
    const until = Date.now() + patienceMs
    for (;;) {
      const answer = await this.status(token, transactionId)
      const pending = ['0', '4000', '6000'].includes(String(answer.body.status))
      if (!pending || Date.now() > until) return answer
      await sleep(50)
    }
  }
}

/** What the CSC endpoints answer, put together. */
export interface CscBody extends MySignError {
  credentialIDs: string[]
  SAD: string
  expiresIn: string | number
  signatures: string[]
  user_id: string
  app_id: string
  expire_date: string
  [member: string]: unknown
}

/** The CSC endpoints of MySign, at the paths of one generation. */
export class MySignCscClient {
  readonly #client: MySignClient
  readonly #token: string
  readonly #root: string

  /** @param options.root Where the calls under `ras` are, seen from the base of the client. */
  constructor(client: MySignClient, token: string, options: { root?: string } = {}) {
    this.#client = client
    this.#token = token
    this.#root = options.root ?? 'ras'
  }

  call(name: string, body: object, signal?: AbortSignal): Promise<Answer<CscBody>> {
    return this.#client.post(`${this.#root}/csc/v1/${name}`, body, this.#token, signal)
  }

  authorize(
    credentialID: string,
    digests: readonly Uint8Array[],
    changes: object = {},
    signal?: AbortSignal
  ) {
    const description = base64('Hồ sơ thanh toán')
    return this.call(
      'credentials/authorize',
      { credentialID, ...digestMembers(digests), description, ...changes },
      signal
    )
  }

  signHash(credentialID: string, SAD: string, digests: readonly Uint8Array[], changes: object = {}) {
    const body = { credentialID, SAD, ...digestMembers(digests), ...algorithms, ...changes }
    return this.call('signatures/signHash', body)
  }

  register(credential_id: string, SAD: string, duration: number, changes: object = {}, signal?: AbortSignal) {
    return this.call('credentials/registerExtension', { credential_id, SAD, duration, ...changes }, signal)
  }

  extend(credentialID: string, SAD: string, digests: readonly Uint8Array[], changes: object = {}) {
    const body = { credentialID, SAD, ...digestMembers(digests), ...algorithms, ...changes }
    return this.call('credentials/extendTransaction', body)
  }
}

const algorithms = { hashAlgo: '2.16.840.1.101.3.4.2.1', signAlgo: '1.2.840.113549.1.1.1' }

const digestMembers = (digests: readonly Uint8Array[]) => ({
  numSignatures: digests.length,
  documents: digests.map((_, index) => ({
    document_id: `doc-${index + 1}`,
    document_name: base64(`Uỷ nhiệm chi ${index + 1}`)
  })),
  hash: digests.map((digest) => Buffer.from(digest).toString('base64'))
})

/** Text as MySign wants it for the phone. */
export const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** The octets of a signature, however its lines are broken. */
export const signatureOf = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64')

/** What file mode answers, put together. */
export interface FileBody extends MySignError {
  file_id: string
  fileName: string
  transactionId: string
  status: number
  message: string
  url: string | null
}

/** File mode of MySign: upload, ask, look, download. */
export class MySignFilesClient {
  readonly #client: MySignClient
  readonly #token: string
  readonly #base: string

  constructor(client: MySignClient, url: string, token: string) {
    this.#client = client
    this.#token = token
    this.#base = `${url}/viettel/vtss/service/external`
  }

  /** Parts in this order; a file is sent under its name. */
  async form(parts: readonly [name: string, content: string | Uint8Array, fileName?: string][]) {
    const form = new FormData()
    for (const [name, content, fileName] of parts)
      if (typeof content === 'string' && fileName === undefined) form.append(name, content)
      else form.append(name, new Blob([content]), fileName ?? name)
    return this.raw(form)
  }

  async raw(body: FormData | string | Uint8Array, contentType?: string): Promise<Answer<FileBody>> {
    const response = await fetch(`${this.#base}/upload`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(contentType === undefined ? {} : { 'content-type': contentType })
      },
      body
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as FileBody }
  }

  upload(pdf: Uint8Array, request: object = {}): Promise<Answer<FileBody>> {
    return this.form([
      ['request', JSON.stringify(request)],
      ['file', pdf, 'to-khai.pdf']
    ])
  }

  sign(file_id: readonly string[], credential_id: string): Promise<Answer<FileBody>> {
    const body = { file_id, credential_id, description: base64('Ký tờ khai') }
    return this.#client.post('external/signing', body, this.#token)
  }

  status(file_id: string, transactionId: string): Promise<Answer<FileBody>> {
    return this.#client.post('external/file/status', { file_id, transactionId }, this.#token)
  }

  async ended(file_id: string, transactionId: string, patienceMs = 20_000): Promise<Answer<FileBody>> {
    const until = Date.now() + patienceMs
    for (;;) {
      const answer = await this.status(file_id, transactionId)
      if (![4000, 6000].includes(answer.body.status) || Date.now() > until) return answer
      await sleep(50)
    }
  }

  /** At its address, or at that of a file by its id. */
  async download(urlOrId: string, token = this.#token): Promise<Answer<FileBody> & { octets: Buffer }> {
    const url = /^http/.test(urlOrId) ? urlOrId : `${this.#base}/download/${urlOrId}`
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    const octets = Buffer.from(await response.arrayBuffer())
    const body = (response.status === 200 ? {} : JSON.parse(octets.toString('utf8'))) as FileBody
    return { status: response.status, headers: response.headers, body, octets }
  }
}
