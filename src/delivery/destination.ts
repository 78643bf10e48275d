import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'

/** Addresses that a name resolves to, as text. Handed in: what a name means may change between two questions. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

/** By the system, /etc/hosts included. */
export const resolveBySystem: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address)

/** An address that is not called. The message tells an integrator why. */
export class DestinationRefused extends Error {
  override readonly name = 'DestinationRefused'
}

/**
 * Finds out whom a call would reach, once: the call must then connect to one of these and to no other, so that a name
 * that means something else a moment later leads nowhere (DNS rebinding).
 * @param hostname Of a URL: an IPv6 address is in brackets, an IPv4 one has lost its octal and decimal spellings.
 * @param options.localAllowed Whether loopback and private networks may be called.
 * @returns IP addresses, at least one, every one of which may be called.
 * @throws DestinationRefused when one of them may not; whatever `resolve` throws.
 */
export async function destinationsOf(
  hostname: string,
  { resolve, localAllowed }: { resolve: Resolve; localAllowed: boolean }
): Promise<readonly string[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1')
  const addresses = isIP(literal) === 0 ? await resolve(hostname) : [literal]
  if (addresses.length === 0) throw new DestinationRefused(`The name ${hostname} has no address.`)
  for (const address of addresses) {
    const why = refusalOf(address, localAllowed)
    if (why !== null) throw new DestinationRefused(`${whose(hostname, literal, address)} is ${why}.`)
  }
  return addresses
}

const whose = (hostname: string, literal: string, address: string): string =>
  literal === address ? `The address ${address}` : `The name ${hostname} leads to ${address}, which`

/** Why an IP address is not called, as the rest of a sentence; null: it may be. */
export function refusalOf(address: string, localAllowed: boolean): string | null {
  if (isIP(address) === 0 || address.includes('%')) return 'no address that can be judged' // fe80::1%eth0
  if (isIPv4(address)) return judged('ipv4', address, localAllowed)
  const inner = innerIPv4(address)
  return inner === null ? judged('ipv6', address, localAllowed) : judged('ipv4', inner, localAllowed)
}

function judged(family: 'ipv4' | 'ipv6', address: string, localAllowed: boolean): string | null {
  if (never[family].check(address, family)) return 'reserved, link-local or multicast, and never called'
  if (!local[family].check(address, family)) {
    return family === 'ipv6' && !globalUnicast.check(address, family) ? 'reserved, and never called' : null
  }
  return localAllowed ? null : 'on this machine or in a private network, and called only with SIMULATION=on'
}

/**
 * The IPv4 address that is reached through an IPv6 one: mapped (RFC 4291 §2.5.5.2), compatible (§2.5.5.1), behind a
 * NAT64 gateway (RFC 6052 §2.1), or by 6to4 (RFC 3056 §2).
 */
function innerIPv4(address: string): string | null {
  const words = wordsOf(address)
  const tail = words.slice(6)
  const starts = (...prefix: number[]) => prefix.every((word, index) => words[index] === word)
  if (starts(0, 0, 0, 0, 0, 0xffff) || starts(0x64, 0xff9b, 0, 0, 0, 0)) return dotted(tail)
  if (starts(0x2002)) return dotted(words.slice(1, 3))
  const unspecifiedOrLoopback = tail[0] === 0 && (tail[1] ?? 0) <= 1
  return starts(0, 0, 0, 0, 0, 0) && !unspecifiedOrLoopback ? dotted(tail) : null
}

/** The eight groups of an IPv6 address; the URL parser writes it in hexadecimal (RFC 5952 §4). */
function wordsOf(address: string): number[] {
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = [], tail = []] = text
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))))
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}

const dotted = (words: readonly number[]): string =>
  words.flatMap((word) => [word >> 8, word & 0xff]).join('.')

/** IANA's special-purpose registries, and where clouds keep the credentials of their machines. */
const never = {
  ipv4: listOf(
    'ipv4',
    '0.0.0.0/8',
    '100.100.100.200/32', // metadata
    '168.63.129.16/32', // metadata
    '169.254.0.0/16', // link-local, metadata
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4'
  ),
  ipv6: listOf(
    'ipv6',
    '::/128',
    '64:ff9b:1::/48', // NAT64 of a network's own, the inner address anywhere
    '2001::/23', // Teredo, ORCHID
    '2001:db8::/32',
    '3fff::/20',
    'fd00:ec2::254/128', // metadata
    'fd20:ce::254/128', // metadata
    'fe80::/10',
    'ff00::/8'
  )
}
const local = {
  ipv4: listOf('ipv4', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'),
  ipv6: listOf('ipv6', '::1/128', 'fc00::/7')
}
/** All that is given out of IPv6 (RFC 4291 §2.4, IANA). */
const globalUnicast = listOf('ipv6', '2000::/3')

function listOf(family: 'ipv4' | 'ipv6', ...subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', prefix = ''] = subnet.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}
