import { type KeyObject, verify, X509Certificate } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { documentOf } from './documents.js'
import type { VerifyTask, VerifyVerdict } from './verify.js'

/*
 * Verifies answers of signHash with the public key of the certificate, document by document. Only Node's own
 * cryptography: nothing of the server's code judges the server.
 */

if (parentPort === null) throw new TypeError('verify.ts starts this worker')
const port = parentPort
const keys = new Map<string, KeyObject>()

port.on('message', (task: VerifyTask) => port.postMessage(judge(task)))

function judge({ number, seed, signed }: VerifyTask): VerifyVerdict {
  let verified = 0
  const wrong: string[] = []
  for (const { certificate, documents, body } of signed) {
    const key = keys.get(certificate) ?? new X509Certificate(Buffer.from(certificate, 'base64')).publicKey
    keys.set(certificate, key)
    const signatures = signaturesIn(body)
    if (signatures.length !== documents.count) {
      wrong.push(`${signatures.length} signatures for ${documents.count} digests: ${body.slice(0, 200)}`)
      continue
    }
    signatures.forEach((signature, index) => {
      const document = documentOf(seed, documents.first + index)
      // RSA: PKCS #1 v1.5; ECDSA: DER. Both are what Node assumes.
      if (verify('sha256', Buffer.from(document), key, Buffer.from(signature, 'base64'))) verified += 1
      else wrong.push(`no signature over "${document}": ${signature}`)
    })
  }
  return { number, verified, wrong }
}

function signaturesIn(body: string): string[] {
  try {
    const { signatures } = JSON.parse(body) as { signatures?: unknown }
    return Array.isArray(signatures) ? signatures.map(String) : []
  } catch {
    return []
  }
}
