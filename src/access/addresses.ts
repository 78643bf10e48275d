import { ServiceError } from '../errors.js'
import type { RelyingParty } from './access.js'

/** Addresses in one list of a relying party, at most. */
export const addressesMax = 20
/** Characters of one address, at most. */
export const addressMaxLength = 512

/**
 * An entry that stands for every http or https address on 127.0.0.1, [::1] or localhost, whatever its port and path:
 * what a portal under development on the same machine needs. Registered only while simulation is on.
 */
export const anyLoopback = 'loopback'

const loopbackHosts: readonly string[] = ['127.0.0.1', '[::1]', 'localhost']

/**
 * Checks addresses for registration: absolute, https (or http on a loopback host), without user information or
 * fragment (RFC 6749 §3.1.2, RFC 9700 §4.1.3).
 * @param field How the caller calls the list, for the error.
 * @throws ServiceError `request_invalid`.
 */
export function checkAddresses(
  addresses: readonly string[],
  { field, loopbackEntry }: { field: string; loopbackEntry: boolean }
): readonly string[] {
  if (addresses.length > addressesMax) refuse(field, `At most ${addressesMax} addresses can be registered.`)
  if (new Set(addresses).size < addresses.length) refuse(field, 'An address is given twice.')
  for (const address of addresses) {
    if (address === anyLoopback) {
      if (!loopbackEntry) refuse(field, 'The entry "loopback" is for simulation only.')
    } else if (!acceptable(address)) {
      refuse(
        field,
        'An address must be absolute, https (http on loopback hosts only), without user and fragment.'
      )
    }
  }
  return addresses
}

/** Whether a redirect address is registered: the very same characters (RFC 9700 §2.1), or covered by `loopback`. */
export function mayRedirectTo(party: Pick<RelyingParty, 'redirectUris'>, address: string): boolean {
  return covers(party.redirectUris, address)
}

/** Whether a callback address is registered, by the same rule. */
export function mayCallBack(party: Pick<RelyingParty, 'callbackUrls'>, address: string): boolean {
  return covers(party.callbackUrls, address)
}

function covers(registered: readonly string[], address: string): boolean {
  if (address === anyLoopback) return false
  if (registered.includes(address)) return true
  return (
    registered.includes(anyLoopback) &&
    acceptable(address) &&
    loopbackHosts.includes(new URL(address).hostname)
  )
}

function acceptable(address: string): boolean {
  if (address.length > addressMaxLength || !/^[\x21-\x7e]+$/.test(address) || address.includes('#'))
    return false
  // The parser also takes `https:host` and backslashes; one way to write an address is enough.
  if (!/^https?:\/\/[^/\\]/.test(address) || address.includes('\\') || !URL.canParse(address)) return false
  const { protocol, hostname, username, password } = new URL(address)
  if (username !== '' || password !== '' || hostname === '') return false
  return protocol === 'https:' || loopbackHosts.includes(hostname)
}

function refuse(field: string, says: string): never {
  throw new ServiceError('request_invalid', says, { says, field })
}
