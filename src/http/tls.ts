import type { Server } from 'node:http'
import { Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'

/** Time for a client to finish the handshake. */
const handshakeTimeoutMs = 10_000

/** What a server proves itself by. */
export interface ServerIdentity {
  /** PKCS#8, PEM; held in memory alone. */
  keyPem: string
  /** From the server's own upward, without the root. */
  chainPem: string
}

/** TLS of a server, whose certificate may change while it runs. */
export interface ServerTls {
  /** What the server is made with. */
  options(): TlsOptions
  /**
   * Lets a server follow changes of the identity.
   * @returns Cuts its connections, also those that have not finished their handshake.
   */
  attach(server: Server): () => void
  /** New connections see the new identity; those that stand go on. */
  change(identity: ServerIdentity): void
}

/** TLS 1.2 and 1.3 with the ciphers that Node.js chooses, HTTP/1.1 alone. */
export function createServerTls(first: ServerIdentity): ServerTls {
  const floor = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const
  const material = ({ keyPem, chainPem }: ServerIdentity) => ({ ...floor, key: keyPem, cert: chainPem })
  let identity = first
  let context: SecureContext = createSecureContext(material(first))
  const servers = new Set<SecureServer>()

  return {
    options: () => ({
      ...material(identity),
      handshakeTimeout: handshakeTimeoutMs,
      ALPNProtocols: ['http/1.1'],
      // A server on `localhost` listens on a second address by a server of its own, which nobody else can reach.
      SNICallback: (_name, done) => done(null, context)
    }),
    attach(server) {
      if (!(server instanceof SecureServer)) throw new TypeError('the server does not speak TLS')
      servers.add(server)
      const sockets = new Set<Socket>()
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
      server.once('close', () => servers.delete(server))
      return () => {
        for (const socket of sockets) socket.destroy()
      }
    },
    change(next) {
      identity = next
      context = createSecureContext(material(next))
      for (const server of servers) server.setSecureContext(material(next))
    }
  }
}

/** Whether a connection ended before it carried HTTP: nothing can be answered on it. */
export function isHandshakeFailure({ code = '' }: { code?: string }): boolean {
  return /^(ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code)
}
