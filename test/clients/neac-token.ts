import type { AnnexBody } from './annex.js'
import type { Answer } from './portal.js'

/** A file as an information system sends it, and gets it back. */
export interface NeacFile {
  doc_id: string
  file_name: string
  file_base64: string
}

/** What the calls by token answer. */
export interface NeacBody extends Omit<AnnexBody, 'data'> {
  data:
    | (NonNullable<AnnexBody['data']> & {
        access_token?: string
        token_type?: string
        expires_in?: number
        signFiles?: NeacFile[] | null
      })
    | null
}

/** An information system at the national gateway, with a bearer token for one CA. */
export class NeacTokenClient {
  readonly #url: string
  readonly #sp: { sp_id: string; sp_password: string }
  readonly #caName: string
  token = ''

  constructor({
    url,
    caName = 'CA2',
    spId = 'dvctt',
    spPassword = 'dvctt-secret'
  }: {
    url: string
    caName?: string
    spId?: string
    spPassword?: string
  }) {
    this.#url = `${url}/neac/sign_v2`
    this.#sp = { sp_id: spId, sp_password: spPassword }
    this.#caName = caName
  }

  async post(call: string, body: object, authorization: string | null): Promise<Answer<NeacBody>> {
    const response = await fetch(`${this.#url}/${call}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(authorization === null ? {} : { authorization })
      },
      body: JSON.stringify({ ca_name: this.#caName, ...body })
    })
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(await response.text()) as NeacBody
    }
  }

  async login(): Promise<Answer<NeacBody>> {
    const answer = await this.post('get_token', this.#sp, null)
    this.token = answer.body.data?.access_token ?? ''
    return answer
  }

  certificates(userId: string, more: object = {}) {
    return this.post('get_certificate', { user_id: userId, ...more }, `Bearer ${this.token}`)
  }

  signFiles(userId: string, transactionId: string, files: readonly NeacFile[], more: object = {}) {
    const body = { user_id: userId, transaction_id: transactionId, sign_files: files, ...more }
    return this.post('sign_file', body, `Bearer ${this.token}`)
  }
}

/** A file under the name `name`. */
export const fileOf = (name: string, octets: Uint8Array): NeacFile => ({
  doc_id: `doc-${name}`,
  file_name: name,
  file_base64: Buffer.from(octets).toString('base64')
})
