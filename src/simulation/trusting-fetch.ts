import { Agent, request as ask } from 'node:https'
import { text } from 'node:stream/consumers'
import type { PhoneFetch } from './phone-client.js'

/**
 * The part of `fetch` that a virtual phone uses, for a server of ours that speaks TLS. Node's own `fetch` takes no root
 * for one purpose: this one trusts `rootPem` and no other, here and nowhere else.
 *
 * @param serverName What the server's certificate is to be for, whatever the address names: it may listen on any.
 */
export function trustingFetch(rootPem: string, serverName: string): PhoneFetch {
  const agent = new Agent({ ca: rootPem, servername: serverName, keepAlive: true })
  return (url, { method, headers, body = '', signal }) =>
    new Promise((resolve, reject) => {
      const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const sent = ask(url, { method, headers: { ...headers, ...length }, agent, signal }, (answer) => {
        const status = answer.statusCode ?? 0
        resolve({ ok: status >= 200 && status < 300, status, text: () => text(answer) })
      })
      sent.on('error', reject)
      sent.end(body)
    })
}
