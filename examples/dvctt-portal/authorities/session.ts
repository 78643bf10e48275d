import type { Answer } from './call.js'

/**
 * The token of one login. It is renewed when the provider answers 401, and what was refused that way, and therefore not
 * done, is sent again.
 */
export class Session {
  #token: string
  readonly #renew: () => Promise<string>
  #renewing: Promise<string> | null = null

  /** @param renew Gets the next token. */
  constructor(token: string, renew: () => Promise<string>) {
    this.#token = token
    this.#renew = renew
  }

  async send(send: (token: string) => Promise<Answer>): Promise<Answer> {
    const token = this.#token
    const answer = await send(token)
    if (answer.status !== 401) return answer
    if (token === this.#token) await this.#renewed()
    return send(this.#token)
  }

  /** Two calls that are refused at once renew it once: a refresh token is often good for one use. */
  async #renewed(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null
    })
    this.#token = await this.#renewing
  }
}
