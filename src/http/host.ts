import { isLoopback } from '../config.js'

/** Which `Host` headers are ours. */
export interface HostRules {
  /** Address we listen on. */
  host: string
  /** What the server calls itself, once it listens. */
  publicUrl: () => string
  /** Whether the port speaks TLS; default false. */
  secure?: boolean
  /** Host names that a provider's dialect answers on; lower case, without port. */
  isProviderHost?: (name: string) => boolean
}

/**
 * Whether a request was meant for us: its `Host` is the public address's, the one we listen on, a loopback name or
 * address with any port, or a provider's. Anything else is a page of another site that points its name here (DNS
 * rebinding), or a mistake.
 */
export function isOurHost(
  header: string | undefined,
  localPort: number | undefined,
  rules: HostRules
): boolean {
  const asked = parseHost(header)
  if (asked === null) return false
  if (isLoopback(asked.name) || rules.isProviderHost?.(asked.name)) return true
  const { hostname, port, protocol } = new URL(rules.publicUrl())
  const defaultPort = protocol === 'https:' ? '443' : '80'
  if (asked.name === bare(hostname) && (asked.port || defaultPort) === (port || defaultPort)) return true
  return (
    asked.name === rules.host.toLowerCase() &&
    Number(asked.port || (rules.secure === true ? 443 : 80)) === localPort
  )
}

/** RFC 9110 §7.2: uri-host [ ":" port ]. */
function parseHost(header: string | undefined): { name: string; port: string } | null {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?$/i.exec(header ?? '')
  return match ? { name: bare(match[1] ?? ''), port: match[2] ?? '' } : null
}

/** Lower case, without the brackets of an IPv6 address and the dot of the root. */
const bare = (name: string) => name.toLowerCase().replace(/^\[|\]$|\.$/g, '')
