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
  return isRegistered(party.redirectUris, address)
}

/**
 * Whether an address that a request names may be called: one of those registered, one below it by whole segments of
 * the path, or covered by `loopback`. Its query is free unless the registered address has one.
 */
export function mayCallBack(party: Pick<RelyingParty, 'callbackUrls'>, address: string): boolean {
  if (isRegistered(party.callbackUrls, address)) return true
  if (!acceptable(address) || !plainPath(address)) return false
  return party.callbackUrls.some((registered) => registered !== anyLoopback && isBelow(registered, address))
}

/** Whether a callback address is registered as it stands: the very same characters, or covered by `loopback`. */
export function isCallbackAddress(party: Pick<RelyingParty, 'callbackUrls'>, address: string): boolean {
  return isRegistered(party.callbackUrls, address)
}

/** For dialects whose callback address is registered out of band: the first that is an address. Null: there is none. */
export function callbackFor(party: Pick<RelyingParty, 'callbackUrls'>): string | null {
  return party.callbackUrls.find((registered) => registered !== anyLoopback) ?? null
}

function isBelow(registered: string, address: string): boolean {
  const [above, below] = [new URL(registered), new URL(address)]
  if (above.origin !== below.origin || (above.search !== '' && above.search !== below.search)) return false
  const path = above.pathname
  return below.pathname === path || below.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}

/**
 * Whether the path means the same to everybody who reads it: no dot segments, and no slash, backslash or dot written
 * with a percent sign, which some servers decode before they look for dot segments and some after.
 */
function plainPath(address: string): boolean {
  const [path = ''] = address.split('?')
  return !/%(2e|2f|5c)/i.test(path) && !path.split('/').some((segment) => segment === '.' || segment === '..')
}

function isRegistered(registered: readonly string[], address: string): boolean {
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
