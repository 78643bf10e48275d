import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../rule.js'

/** What a server answered. `body` is undefined where the text is not JSON. */
export interface Answer {
  /** `POST https://host/csc/v1/info`, for whoever reads a failure. */
  request: string
  status: number
  headers: Headers
  text: string
  body: unknown
}

/** Bytes of one answer that are read, and how long one may take. */
const answerMaxOctets = 8 * 1024 * 1024
/** A server that blocks until a person answered takes its time. */
export const answerTimeoutMs = 180_000
/** How often, and for how long, a 429 or 503 is waited for. */
const busyTries = 6
const busyPauseMaxMs = 5_000

/** One request and its answer as a report may show them: secrets are gone. */
export interface Exchange {
  request: string
  sent: string
  status: number
  received: string
}

const exchanges = new AsyncLocalStorage<Exchange[]>()

/** Runs `work`, and notes in `list` what it sends and receives. */
export const recordingIn = <T>(list: Exchange[], work: () => Promise<T>): Promise<T> =>
  exchanges.run(list, work)

/** What goes out. A body of `undefined` is none. */
export interface Sending {
  method?: string
  headers?: Record<string, string>
  body?: string
}

/** @throws Failure when there is no answer. A 429 or 503 that says how long to wait is tried again. */
export async function send(url: string, sending: Sending = {}): Promise<Answer> {
  for (let turn = 1; ; turn += 1) {
    const answer = await sendOnce(url, sending)
    const wait = Number(answer.headers.get('retry-after') ?? Number.NaN) * 1000
    const busy = (answer.status === 429 || answer.status === 503) && Number.isFinite(wait)
    if (!busy || turn === busyTries) return answer
    await sleep(Math.min(wait, busyPauseMaxMs))
  }
}

async function sendOnce(url: string, { method = 'POST', headers = {}, body }: Sending): Promise<Answer> {
  const request = `${method} ${url.split('?')[0]}`
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(answerTimeoutMs),
    // As octets: for a string, fetch would make up a Content-Type.
    ...(body === undefined ? {} : { body: new TextEncoder().encode(body) })
  }).catch((error: unknown) => {
    const why = error instanceof Error ? (error.cause ?? error) : error
    throw new Failure(`${request}: no answer (${why instanceof Error ? why.message : String(why)})`)
  })
  const octets = Buffer.from(await response.arrayBuffer())
  if (octets.length > answerMaxOctets) throw new Failure(`${request}: an answer of ${octets.length} octets`)
  const text = octets.toString('utf8')
  const answer = { request, status: response.status, headers: response.headers, text, body: parse(text) }
  exchanges.getStore()?.push({
    request,
    sent: withoutSecrets(body ?? '').slice(0, 2_000),
    status: answer.status,
    received: withoutSecrets(text).slice(0, 2_000)
  })
  return answer
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const secretNames =
  'SAD|PIN|OTP|access_token|refresh_token|token|client_secret|code|code_verifier|password|passwd|value|account_token'
const inJson = new RegExp(`("(?:${secretNames})"\\s*:\\s*")[^"]*`, 'gi')
const inForm = new RegExp(`((?:^|[&?])(?:${secretNames})=)[^&\\s"'<]*`, 'gi')
/** What stands for rights is not for reports. */
export const withoutSecrets = (text: string): string =>
  text.replaceAll(inJson, '$1…').replaceAll(inForm, '$1…')
