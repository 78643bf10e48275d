import type { Dialect, Manners } from './dialect.js'

/** Where a dialect answers. */
export interface Served {
  /** First path segment of our own addresses. */
  prefix: string
  dialect: Pick<Dialect, 'roots' | 'hosts'>
}

/** The real host names of the providers. */
export interface NativeHosts {
  /** @param name Lower case, without a port. */
  isProviderHost(name: string): boolean
  /**
   * The path under our own address that a path on a provider's host name means; on a host name that is no provider's,
   * the path itself. What is not a dialect's own leads nowhere.
   * @param url Path and query as they came.
   */
  rewrite(host: string | undefined, url: string): string
  /** Manners of the host that a request named; those of production under our own address. */
  mannersOf(host: string | undefined): Manners
}

/** No route is here. */
const nowhere = '/.not-found'

/** @param served All dialects; several may share a host name. */
export function nativeHosts(served: readonly Served[]): NativeHosts {
  const byHost = new Map<string, { manners: Manners; roots: { root: string; prefix: string }[] }>()
  for (const { prefix, dialect } of served) {
    for (const { name, manners } of dialect.hosts) {
      const host = byHost.get(name) ?? { manners, roots: [] }
      host.roots.push(...dialect.roots.map((root) => ({ root, prefix })))
      byHost.set(name, host)
    }
  }

  return {
    isProviderHost: (name) => byHost.has(name),
    rewrite(host, url) {
      const known = byHost.get(nameOf(host))
      if (known === undefined) return url
      const path = url.split('?', 1)[0] ?? ''
      const found = known.roots.find(({ root }) => path === root || path.startsWith(`${root}/`))
      return found === undefined ? nowhere : `/${found.prefix}${url}`
    },
    mannersOf: (host) => byHost.get(nameOf(host))?.manners ?? 'production'
  }
}

/** Lower case, without port and the dot of the root. */
const nameOf = (host: string | undefined): string =>
  (host ?? '')
    .toLowerCase()
    .replace(/:[0-9]+$/, '')
    .replace(/\.$/, '')
