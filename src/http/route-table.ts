import type { RouteOptions } from 'fastify'

/** Knows which methods an address has, so that a wrong method is told from a wrong address. */
export function createRouteTable() {
  const methodsByUrl = new Map<string, Set<string>>()
  let patterns: { pattern: RegExp; methods: Set<string> }[] | null = null

  return {
    /** For fastify's `onRoute`. */
    add(route: Pick<RouteOptions, 'url' | 'method'>): void {
      const methods = methodsByUrl.get(route.url) ?? new Set()
      for (const method of [route.method].flat()) methods.add(method.toUpperCase())
      methodsByUrl.set(route.url, methods)
      patterns = null
    },
    /** Methods of the routes that a path fits, sorted; none: there is no such address. */
    methodsOf(path: string): string[] {
      patterns ??= [...methodsByUrl]
        // A catch-all says nothing about a single address.
        .filter(([url]) => !url.endsWith('*'))
        .map(([url, methods]) => ({ pattern: toPattern(url), methods }))
      const methods = patterns
        .filter(({ pattern }) => pattern.test(path))
        .flatMap((route) => [...route.methods])
      return [...new Set(methods)].sort()
    }
  }
}

/** `/a/:id/b` as an expression; a parameter ends at a slash. */
function toPattern(url: string): RegExp {
  const source = url.replace(/:[A-Za-z_]+|[.*+?^${}()|[\]\\]/g, (found) =>
    found.startsWith(':') && found.length > 1 ? '[^/]+' : `\\${found}`
  )
  return new RegExp(`^${source}$`)
}
