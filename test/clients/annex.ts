import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './portal.js'

/** What tells one dialect of the annex from another, as their documents have it. */
export interface AnnexManners {
  /** Paths below the server's address. */
  certificates: string
  sign: string
  /** Of the status call: of one path for all, or of one for each transaction. */
  status: (transactionId: string) => string
  /** Whether the status call names the transaction and the caller in its body. */
  namesInStatus: boolean
  /** How digests are written. */
  form: 'hex' | 'base64'
  /** Members of every body beside those that all of them have, such as `ca_name`. */
  always?: Readonly<Record<string, string>>
}

/** The envelope that all answers have. */
export interface AnnexBody {
  status_code: number
  message: string
  data: {
    transaction_id?: string
    tran_code?: string
    user_certificates?: ListedCertificate[]
    signatures?: ListedSignature[] | null
    sign_files?: { doc_id: string }[]
  } | null
  [member: string]: unknown
}

export interface ListedCertificate {
  cert_id: string
  cert_data: string
  serial_number: string
  chain_data: { ca_cert: string; root_cert: string }
  [member: string]: unknown
}

export interface ListedSignature {
  doc_id: string
  signature_value: string
  timestamp_signature: null
}

/** A document as a portal sends it. */
export interface SentFile {
  data_to_be_signed: unknown
  doc_id: unknown
  [member: string]: unknown
}

export interface AnnexOptions {
  url: string
  manners: AnnexManners
  spId?: string
  spPassword?: string
  /** The real host name, where the client is pointed there. */
  host?: string
}

/** A portal that speaks one of the dialects with sp_id and sp_password in every body. */
export class AnnexClient {
  readonly #url: string
  readonly #host: string | null
  readonly #credentials: { sp_id: string; sp_password: string }
  readonly manners: AnnexManners

  constructor({ url, manners, spId = 'dvctt', spPassword = 'dvctt-secret', host }: AnnexOptions) {
    this.#url = url
    this.#host = host ?? null
    this.#credentials = { sp_id: spId, sp_password: spPassword }
    this.manners = manners
  }

  /** Any body, as text where it is text. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<AnnexBody>> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const all = { 'content-type': 'application/json', ...headers }
    if (this.#host !== null) return postNaming(this.#host, `${this.#url}${path}`, text, all)
    const response = await fetch(`${this.#url}${path}`, { method: 'POST', headers: all, body: text })
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(await response.text()) as AnnexBody
    }
  }

  certificates(userId: string, more: object = {}): Promise<Answer<AnnexBody>> {
    return this.post(this.manners.certificates, { ...this.#common(), user_id: userId, ...more })
  }

  /** The certificate that a client takes: the first. */
  async certificate(userId: string): Promise<ListedCertificate> {
    const { body } = await this.certificates(userId)
    const found = body.data?.user_certificates?.[0]
    if (found === undefined) throw new Error(`no certificate of ${userId}`)
    return found
  }

  sign(userId: string, transactionId: string, files: readonly SentFile[], more: object = {}) {
    return this.post(this.manners.sign, {
      ...this.#common(),
      user_id: userId,
      transaction_id: transactionId,
      sign_files: files,
      ...more
    })
  }

  /** Digests as documents `doc-1` and so on. */
  files(digests: readonly Uint8Array[]): SentFile[] {
    return digests.map((digest, index) => ({
      data_to_be_signed: Buffer.from(digest).toString(this.manners.form),
      doc_id: `doc-${index + 1}`,
      file_type: 'pdf',
      sign_type: 'hash'
    }))
  }

  /** As most clients of the dialect call it. */
  status(transactionId: string, more: object = {}): Promise<Answer<AnnexBody>> {
    const named = this.manners.namesInStatus ? { ...this.#common(), transaction_id: transactionId } : {}
    return this.post(this.manners.status(transactionId), { ...named, ...more })
  }

  /** With sp_id and sp_password, where the dialect lets a client do without. */
  provedStatus(transactionId: string): Promise<Answer<AnnexBody>> {
    return this.status(transactionId, this.#credentials)
  }

  /** Polls until `waits` says no more. */
  async outcome(
    transactionId: string,
    waits: (body: AnnexBody) => boolean,
    { tries = 600, proved = false }: { tries?: number; proved?: boolean } = {}
  ): Promise<Answer<AnnexBody>> {
    for (;;) {
      const answer = await (proved ? this.provedStatus(transactionId) : this.status(transactionId))
      tries -= 1
      if (tries <= 0 || !waits(answer.body)) return answer
      await sleep(50)
    }
  }

  #common() {
    return { ...this.#credentials, ...this.manners.always }
  }
}

/** A POST whose Host is another than the address it goes to, which fetch does not do. */
async function postNaming(
  host: string,
  url: string,
  body: string,
  headers: Record<string, string>
): Promise<Answer<AnnexBody>> {
  const call = request(url, { method: 'POST', agent: false, headers: { ...headers, host } })
  call.end(body)
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const fields = Object.entries(response.headers).map(([name, value]): [string, string] => [
    name,
    String(value)
  ])
  return {
    status: response.statusCode ?? 0,
    headers: new Headers(fields),
    body: JSON.parse(Buffer.concat(chunks).toString()) as AnnexBody
  }
}

/** The octets of a listed certificate, with or without line breaks. */
export const certificateOctets = (base64: string): Buffer => Buffer.from(base64.replace(/\s/g, ''), 'base64')
