import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Hsm } from '../hsm/hsm.js'
import { batched } from '../store/batch.js'

/**
 * 32 octets that stand for `fields`: an HMAC whose key stays in the HSM. For what is too easily guessed to be kept as a
 * bare hash, such as six digits or a national id.
 * @param domain Names the use; no other use of the key has it in its message.
 * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
 */
export type KeyedHash = (domain: string, fields: Readonly<Record<string, string>>) => Promise<Buffer>

/** Concurrent calls share one call of the HSM. */
export function createKeyedHash({ mac }: { mac: Hsm['mac'] }): KeyedHash {
  const macOf = batched(mac, { limit: 256, lanes: 2 })
  return async (domain, fields) => Buffer.from(await macOf(messageOf(domain, fields)))
}

/** Canonical JSON (RFC 8785). The fields go in as SHA-256, so that a long text of a stranger makes no long message. */
function messageOf(domain: string, fields: Readonly<Record<string, string>>): Uint8Array {
  const hashed = Object.entries(fields).map(([name, value]) => [name, hash('sha256', value, 'hex')])
  return Buffer.from(canonicalize({ domain, fieldsSha256: Object.fromEntries(hashed) }) ?? '', 'utf8')
}
