import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** A request on its way. */
export interface Passing {
  /** Below the origin, with its query. */
  path: string
  headers: IncomingHttpHeaders
  text: string
  /** Of JSON; else empty. */
  body: Record<string, unknown>
}

/** An answer on its way back, to be changed in place. */
export interface Returning {
  status: number
  headers: Headers
  text: string
}

/** What a fault makes of an answer. One is made for a run, so that it may remember. */
export type Fault = (request: Passing, answer: Returning) => void

/** A proxy in front of a server that plants one fault at a time. */
export interface PlantingProxy {
  readonly url: string
  plant(fault: Fault | null): void
}

/** Speaks for `upstream`, also where it names itself. Ends with `t`. */
export async function startProxy(
  t: { teardown(work: () => Promise<void>): void },
  upstream: string
): Promise<PlantingProxy> {
  let planted: Fault | null = null
  let url = ''
  const server = createServer(async (request, response) => {
    const { method = 'GET', headers, url: path = '/' } = request
    const octets = await buffer(request)
    const { host: _, connection: __, 'content-length': ___, 'transfer-encoding': ____, ...passed } = headers
    const sent = await fetch(upstream + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(passed as Record<string, string>),
        ...(passed.origin === url ? { origin: upstream } : {}),
        ...(passed.referer === undefined ? {} : { referer: passed.referer.replace(url, upstream) })
      },
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: octets })
    })
    const answer: Returning = {
      status: sent.status,
      headers: new Headers(sent.headers),
      text: (await sent.text()).replaceAll(upstream, url)
    }
    const location = answer.headers.get('location')
    if (location !== null) answer.headers.set('location', location.replace(upstream, url))
    planted?.({ path, headers, text: octets.toString(), body: jsonOf(octets.toString()) }, answer)
    for (const name of [
      'content-length',
      'content-encoding',
      'transfer-encoding',
      'connection',
      'keep-alive'
    ]) {
      answer.headers.delete(name)
    }
    response.writeHead(answer.status, [...answer.headers].flat())
    response.end(answer.status === 204 ? undefined : answer.text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    url,
    plant(fault) {
      planted = fault
    }
  }
}

/** The members of a JSON text, or none. */
export function jsonOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}
