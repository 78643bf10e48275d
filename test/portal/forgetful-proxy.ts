import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Stands before a server and passes everything on, but for answers that it is told to lose. */
export interface ForgetfulProxy {
  url: string
  /** The next request to such a path reaches the server; the connection breaks before its answer comes. */
  loseNextAnswer(path: RegExp): void
  /** How many were lost since then. */
  lost(): number
}

export async function startForgetfulProxy(
  t: { teardown(work: () => Promise<void>): void },
  target: string
): Promise<ForgetfulProxy> {
  let losing: RegExp | null = null
  let lost = 0
  const proxy = createServer((incoming, outgoing) => {
    const isLost = losing?.test(incoming.url ?? '') ?? false
    if (isLost) losing = null
    const { method, headers } = incoming
    const host = new URL(target).host
    const passed = forward(`${target}${incoming.url}`, { method, headers: { ...headers, host } })
    passed.on('response', (answer) => {
      if (!isLost) {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
        return
      }
      answer.resume()
      answer.once('end', () => {
        lost += 1
        incoming.socket.destroy()
      })
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(async () => {
    proxy.closeAllConnections()
    proxy.close()
    await once(proxy, 'close')
  })
  const { port } = proxy.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    loseNextAnswer(path) {
      losing = path
      lost = 0
    },
    lost: () => lost
  }
}
