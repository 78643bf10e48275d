import { generateKeyPair, X509Certificate } from 'node:crypto'
import { promisify } from 'node:util'
import type { Chore } from './chores.js'
import type { Clock } from './clock.js'
import { providerHosts } from './dialects.js'
import { createServerTls, type ServerIdentity, type ServerTls } from './http/tls.js'
import type { ServerCertificates } from './pki/pki.js'
import type { PhoneFetch } from './simulation/phone-client.js'
import { trustingFetch } from './simulation/trusting-fetch.js'
import { replaceFile } from './store/data-dir.js'

/** Where the data folder has the root, for clients on this machine: fetching it needs the trust that it is to give. */
export const tlsRootFile = 'tls-root.pem'
/** A certificate is looked at so often: a machine that slept has a good one again soon after it wakes. */
const renewalEveryMs = 60_000

/** TLS of a running server. */
export interface Tls {
  server: ServerTls
  /** What must be done now and then while it runs. */
  chores: readonly Chore[]
  /** For its own virtual phones. */
  fetch: PhoneFetch
}

/** Everything that this server is called: by the providers' clients, on this machine, and by its public address. */
export function certifiedNames(publicUrl: string): string[] {
  const name = new URL(publicUrl).hostname.replace(/^\[|\]$|\.$/g, '')
  return [...providerHosts, 'localhost', '127.0.0.1', '::1', name]
}

/**
 * Makes a key that lives in this process, has it certified, and puts the root into the data folder.
 * @param certificates Null: the server does not speak TLS.
 */
export async function openTls(
  certificates: ServerCertificates | null,
  { dataDir, now }: { dataDir: string; now: Clock }
): Promise<Tls | null> {
  if (certificates === null) return null
  const { root, issue } = certificates
  let renewAt = new Date(0)

  /** With a key of its own each time. Half of its time is left for whatever keeps the next one from being made. */
  async function make(): Promise<ServerIdentity> {
    const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
    const at = now()
    const { certificate, notAfter } = await issue(publicKey.export({ type: 'spki', format: 'der' }))
    renewAt = new Date((at.getTime() + notAfter.getTime()) / 2)
    return {
      keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      chainPem: new X509Certificate(certificate).toString()
    }
  }

  const rootPem = new X509Certificate(root).toString()
  const server = createServerTls(await make())
  await replaceFile(dataDir, tlsRootFile, rootPem)
  return {
    server,
    chores: [
      {
        name: 'renewing the certificate of TLS',
        everyMs: renewalEveryMs,
        async run() {
          if (now() >= renewAt) server.change(await make())
        }
      }
    ],
    fetch: trustingFetch(rootPem, 'localhost')
  }
}
