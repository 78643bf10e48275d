import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { complain, NoAnswer } from './complaints.js'

/** No call here waits for the signer, so an answer comes soon or not at all. */
const timeoutMs = 15_000
/** A thousand signatures have less. */
const answerOctetsMax = 2 * 1024 * 1024
const detailMax = 300

export interface Call {
  /** Default POST. */
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  /** A body in JSON. */
  json?: unknown
  /** A body as an HTML form sends it. */
  form?: Readonly<Record<string, string>>
}

/** An answer that decides something: neither a failure of the provider's own nor of the way there. */
export interface Answer {
  status: number
  /** Parsed JSON. */
  body: unknown
}

/**
 * Calls a provider once.
 * @throws NoAnswer when none comes in time, or one with a status from 500; AuthorityError for too many requests and for
 *   what is no JSON.
 */
export async function call(
  label: string,
  url: string,
  { method = 'POST', headers = {}, json, form }: Call
): Promise<Answer> {
  let status: number
  let text: string
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      redirect: 'error', // secrets go where they were meant to
      signal: AbortSignal.timeout(timeoutMs)
    })
    status = response.status
    text = await textOf(response)
  } catch (cause) {
    throw new NoAnswer(label, `${method} ${url}: ${saidBy(cause)}`)
  }
  const detail = `${method} ${url}: HTTP ${status} ${text.slice(0, detailMax)}`
  if (status >= 500) throw new NoAnswer(label, detail)
  if (status === 429) throw complain(label, 'tooManyWaiting', detail)
  try {
    return { status, body: JSON.parse(text) }
  } catch {
    throw complain(label, 'unexpected', detail)
  }
}

/** The body of an answer as it ought to be. @throws AuthorityError for another, naming the first member that is wrong. */
export function shaped<Schema extends TSchema>(
  label: string,
  schema: Schema,
  { status, body }: Answer
): Static<Schema> {
  if (Value.Check(schema, body)) return body
  const [first] = Value.Errors(schema, body)
  const wrong = first === undefined ? '' : `${first.instancePath} ${first.message}`
  throw complain(label, 'unexpected', `HTTP ${status}: ${wrong}`)
}

/** What an answer says in full, for the log. */
export const detailOf = ({ status, body }: Answer): string =>
  `HTTP ${status} ${JSON.stringify(body)}`.slice(0, detailMax)

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let octets = 0
  for await (const chunk of response.body ?? []) {
    octets += chunk.length
    if (octets > answerOctetsMax) throw new RangeError(`more than ${answerOctetsMax} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
