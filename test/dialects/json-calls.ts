import { setTimeout as sleep } from 'node:timers/promises'

/** Posts JSON and reads JSON. @throws Error with what was answered, if that is not a success. */
export async function post<Body = unknown>(url: string, body: object): Promise<Body> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`)
  return JSON.parse(text) as Body
}

/** Looks again until there is something, for at most half a minute. */
export async function poll<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (const until = Date.now() + 30_000; Date.now() < until; await sleep(50)) {
    const found = await look()
    if (found !== undefined) return found
  }
  throw new Error('nothing came')
}
