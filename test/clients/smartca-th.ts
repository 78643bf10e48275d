import { createHmac } from 'node:crypto'
import type { AnnexBody } from './annex.js'
import type { Answer } from './portal.js'

/** What both calls answer. */
export interface ThBody extends Omit<AnnexBody, 'data'> {
  data:
    | (NonNullable<AnnexBody['data']> & {
        sad?: string
        expired_in?: number
      })
    | null
}

/** A generator of one-time codes: HMAC-SHA-1, 30 s, 6 digits, with a secret in base64. */
export function totpOf(secret: string, at: Date): string {
  const counter = Buffer.alloc(8)
  counter.writeUInt32BE(Math.floor(at.getTime() / 30_000), 4)
  const mac = createHmac('sha1', Buffer.from(secret, 'base64')).update(counter).digest()
  const offset = (mac[19] ?? 0) % 16
  const number = mac.readUInt32BE(offset) % 2 ** 31
  return String(number % 1_000_000).padStart(6, '0')
}

/** Somebody whose signatures an integration package asks for: it knows their password and their secret. */
export interface ThUser {
  userId: string
  password: string
  serialNumber: string
}

/** A portal with the vendor's integration package: sign with password and code, confirm with the sad. */
export class ThClient {
  readonly #url: string
  readonly #sp: { sp_id: string; sp_password: string }

  constructor({
    url,
    spId = 'dvctt',
    spPassword = 'dvctt-secret'
  }: { url: string; spId?: string; spPassword?: string }) {
    this.#url = `${url}/vnpt/sca/sp769`
    this.#sp = { sp_id: spId, sp_password: spPassword }
  }

  async post(path: string, body: object): Promise<Answer<ThBody>> {
    const response = await fetch(`${this.#url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...this.#sp, ...body })
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as ThBody }
  }

  sign(user: ThUser, transactionId: string, otp: string, digests: readonly Uint8Array[], more: object = {}) {
    return this.post('/v2/signatures/sign', {
      user_id: user.userId,
      password: user.password,
      otp,
      transaction_id: transactionId,
      serial_number: user.serialNumber,
      sign_files: digests.map((digest, index) => ({
        data_to_be_signed: Buffer.from(digest).toString('hex'),
        doc_id: `doc-${index + 1}`,
        file_type: 'pdf',
        sign_type: 'hash'
      })),
      ...more
    })
  }

  confirm(user: ThUser, transactionId: string, sad: string | undefined, more: object = {}) {
    return this.post('/v2/signatures/confirm', {
      user_id: user.userId,
      password: user.password,
      sad,
      transaction_id: transactionId,
      ...more
    })
  }

  status(transactionId: string) {
    return this.post(`/v1/signatures/sign/${transactionId}/status`, {})
  }
}
