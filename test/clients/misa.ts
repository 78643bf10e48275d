import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './portal.js'

/** DER of a SHA-256 DigestInfo up to its digest, as client libraries carry it. */
const digestInfoPrefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')

/** What `FileToSign` is: base64 of the DigestInfo, 68 characters. */
export const digestInfo = (digest: Uint8Array): string =>
  Buffer.concat([digestInfoPrefix, digest]).toString('base64')

/** The envelope of logins. */
export interface LoginBody {
  status: {
    type: string
    code: number
    message: string
    error: boolean
    errorCode: number
    devMsg: string
    userMsg: string
  }
  data: (Tokens & { tokenType: string; user: { id: string; [member: string]: unknown } }) | null
}

export interface Tokens {
  accessToken: string
  remoteSigningAccessToken: string
  refreshToken: string
  expiresIn: number
}

/** A failure outside the envelope. */
export interface FailureBody {
  error: string
  errorCode: string
  devMsg: string
  userMsg: string
  moreInfo?: null
  traceId?: string
  validationFailures?: { property: string; failureReason: string }[]
}

export interface CertificateItem {
  userId: string
  keyAlias: string
  keyStatus: string
  certificate: string
  certiticateChain: [string, string, string]
  [member: string]: unknown
}

export interface StatusBody {
  transactionId: string
  status: 'PENDING' | 'SUCCESS' | 'FAILED'
  errorCode: string | null
  errorDescription: string | null
  signatures: { documentId: string; signature: string }[] | null
  extraData: unknown
}

/** A document as it is sent to be signed. */
export interface SentDocument {
  DocumentId: string
  FileToSign: string
  DocumentName: string
}

export interface MisaOptions {
  url: string
  clientId?: string
  clientKey?: string
  /** The real host name that the client was written for; paths then have no `/misa`. */
  host?: string
}

/** A program that signs through MISA eSign, written from its integration guide: JSON and the tokens. */
export class MisaClient {
  readonly #url: string
  readonly #headers: Record<string, string>
  /** Of the last login or renewal. */
  tokens: Tokens | null = null

  constructor({ url, clientId = 'dvctt', clientKey = 'dvctt-secret', host }: MisaOptions) {
    this.#url = host === undefined ? `${url}/misa` : url
    this.#headers = {
      'x-clientId': clientId,
      'x-clientKey': clientKey,
      ...(host === undefined ? {} : { host })
    }
  }

  /** Any call. `headers` beside those of the client; one that is null is left out. */
  async call<Body = FailureBody>(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string | null> } = {}
  ): Promise<Answer<Body> & { text: string }> {
    const all = Object.entries({
      ...this.#headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers
    }).filter((entry): entry is [string, string] => entry[1] !== null)
    const {
      status,
      headers: answered,
      text
    } = await send(method, `${this.#url}${path}`, {
      headers: Object.fromEntries(all),
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const isJson = answered.get('content-type')?.startsWith('application/json') ?? false
    return { status, headers: answered, text, body: (isJson ? JSON.parse(text) : null) as Body }
  }

  login = (userName: string, password: string, at = '/webdev') =>
    this.#logIn(`${at}/api/auth/api/v1/auth/login-api`, { userName, password })

  twoFactor = (userName: string, code: string, at = '/webdev') =>
    this.#logIn(`${at}/api/auth/api/v1/auth/two-factor-auth`, { userName, code, otpType: 0, remember: true })

  async #logIn(path: string, body: object) {
    const answer = await this.call<LoginBody>('POST', path, { body })
    if (answer.body?.data?.remoteSigningAccessToken !== undefined) this.tokens = answer.body.data
    return answer
  }

  resend = (userName: string) =>
    this.call<LoginBody>('POST', '/webdev/api/auth/api/v1/auth/resend-otp-auth', {
      body: { userName, language: 'vi-VN' }
    })

  refresh = (refreshToken: string) =>
    this.call<Tokens & FailureBody>('POST', '/webdev/api/auth/api/v1/auth/refreshtoken', {
      body: { refreshToken }
    })

  certificates = (headers = this.bearer) =>
    this.call<CertificateItem[]>('GET', '/external/esrm/service/general/api/v1/Certificates/by-userId', {
      headers
    })

  certificate = (certAlias: string) =>
    this.call<CertificateItem>(
      'GET',
      `/external/esrm/service/general/api/v1/Certificates/by-certId?certAlias=${encodeURIComponent(certAlias)}`,
      { headers: this.bearer }
    )

  /** The first certificate that is ACTIVE: what clients sign with. */
  async firstActive(): Promise<CertificateItem> {
    const found = (await this.certificates()).body.find(({ keyStatus }) => keyStatus === 'ACTIVE')
    if (found === undefined) throw new Error('no ACTIVE certificate')
    return found
  }

  sign = (body: unknown, headers = this.bearer) =>
    this.call<StatusBody & FailureBody & { signingAuthorizeTimeout: number }>(
      'POST',
      '/external/esrm/service/signing/api/v1/Signing/hash',
      { body, headers }
    )

  /** Asks for signatures over digests with a certificate, each digest a document of its own. */
  ask(item: Pick<CertificateItem, 'userId' | 'keyAlias'>, digests: readonly Uint8Array[], more: object = {}) {
    return this.sign({
      DataToBeDisplayed: 'Ký thử',
      UserId: item.userId,
      CertAlias: item.keyAlias,
      Documents: documentsOf(digests),
      ...more
    })
  }

  status = (transactionId: string) =>
    this.call<StatusBody & FailureBody>(
      'GET',
      `/external/esrm/service/signing/api/v1/Signing/status/${transactionId}`,
      { headers: this.bearer }
    )

  /** Polls until it is no more PENDING, for at most `patienceMs`. */
  async outcome(transactionId: string, patienceMs = 30_000): Promise<StatusBody> {
    const until = Date.now() + patienceMs
    for (;;) {
      const { body } = await this.status(transactionId)
      if (body.status !== 'PENDING' || Date.now() > until) return body
      await sleep(50)
    }
  }

  get bearer(): Record<string, string | null> {
    return { AuthorizationRM: `Bearer ${this.tokens?.remoteSigningAccessToken}` }
  }
}

export const documentsOf = (digests: readonly Uint8Array[]): SentDocument[] =>
  digests.map((digest, index) => ({
    DocumentId: `doc-${index}`,
    FileToSign: digestInfo(digest),
    DocumentName: `Chứng từ ${index}.pdf`
  }))

/** Not `fetch`, which sends no Host but that of the address. */
function send(
  method: string,
  url: string,
  { headers, body }: { headers: Record<string, string>; body?: string }
): Promise<{ status: number; headers: Headers; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const answered = Object.entries(response.headers).map(([name, value]): [string, string] => [
          name,
          String(value)
        ])
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: new Headers(answered), text })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
