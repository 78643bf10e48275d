import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './portal.js'

/** An integrator of CA2's older mobile signing API: values in the query, bare JSON in the answer. */
export class ApiSignCoreClient {
  readonly #url: string
  readonly #sp: { sp_id: string; sp_password: string }

  constructor({
    url,
    spId = 'dvctt',
    spPassword = 'dvctt-secret'
  }: {
    url: string
    spId?: string
    spPassword?: string
  }) {
    this.#url = `${url}/nacencomm/api/APISigncore`
    this.#sp = { sp_id: spId, sp_password: spPassword }
  }

  async #post(path: string, body: string): Promise<Answer<unknown>> {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${this.#url}/${path}`, { method: 'POST', headers, body })
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
  }

  /** A call whose values are all in the query. `body`: as empty as the client sends it. */
  call(name: string, query: Record<string, string>, body = '{}'): Promise<Answer<unknown>> {
    return this.#post(`${name}?${new URLSearchParams(query)}`, body)
  }

  ask(userId: string, digest: Uint8Array, more: object = {}): Promise<Answer<unknown>> {
    const document = { data_to_be_signed: Buffer.from(digest).toString('base64'), doc_id: 'UNC-0042' }
    const body = { ...this.#sp, user_id: userId, ...document, ...more }
    return this.#post('Guiyeucauky_Mobilesign', JSON.stringify(body))
  }

  async result(code: string): Promise<unknown> {
    return (await this.call('Layketquaky', { Code: code })).body
  }

  /** Asks until it is not empty. */
  async outcome(code: string): Promise<string> {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = await this.result(code)
      if (found !== '') return String(found)
      await sleep(50)
    }
    throw new Error('nothing came')
  }
}
