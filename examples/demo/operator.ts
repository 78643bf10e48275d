/** CA staff at the operator API: `fetch`, a bearer key, JSON. */
export class OperatorClient {
  constructor(
    private readonly server: string,
    private readonly key: string
  ) {}

  /** @throws Error with the problem's own words (RFC 9457) for every answer that is not a success. */
  async post<Body>(path: string, body: object = {}): Promise<Body> {
    const answer = await fetch(`${this.server}/operator${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    const read = (await answer.json()) as Body & { code?: string; detail?: string }
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${read.code}: ${read.detail}`)
    return read
  }
}
