import type { FastifyInstance } from 'fastify'
import type { DialectDeps } from './providers/dialect/dialect.js'
import { type NativeHosts, nativeHosts } from './providers/dialect/hosts.js'
import { dialectPlugin } from './providers/dialect/plugin.js'
import { rsaOnly } from './providers/dialect/signer.js'
import { neac } from './providers/neac/gateway.js'
import { gatewayId } from './providers/neac/paths.js'
import { providers, unsupportedProviders } from './providers/registry.js'

/** Every dialect of every provider, and the gateway over them. */
export interface DialectSurface {
  hosts: NativeHosts
  routes(app: FastifyInstance): Promise<void>
}

/** Every quirk of a dialect that QUIRKS_OFF may name. */
export const quirks = [
  rsaOnly,
  ...providers.flatMap(({ dialects }) => dialects.flatMap(({ quirks }) => quirks))
]

/** Every host name that a dialect, or the gateway, answers on, once. */
export const providerHosts: readonly string[] = [
  ...new Set(
    [...providers.flatMap(({ dialects }) => dialects.flatMap(({ hosts }) => hosts)), ...neac.hosts].map(
      ({ name }) => name
    )
  )
]

/** Puts the dialects together: under `/{provider}` and on the providers' own host names. */
export function dialectSurface(deps: Omit<DialectDeps, 'mannersOf'>): DialectSurface {
  const served = providers.flatMap((provider) =>
    provider.dialects.map((dialect) => ({ prefix: provider.id, provider, dialect }))
  )
  const hosts = nativeHosts([...served, { prefix: gatewayId, dialect: neac }])
  const all: DialectDeps = { ...deps, mannersOf: hosts.mannersOf }
  return {
    hosts,
    async routes(app) {
      app.decorateRequest('dialectCaller', null)
      for (const { prefix, provider, dialect } of served) {
        const routes = async (inner: FastifyInstance) => {
          await inner.register(dialect.routes, { ...all, provider })
        }
        await app.register(dialectPlugin, { ...all, prefix: `/${prefix}`, at: prefix, dialect, routes })
      }
      const gateway = { ...all, providers, unsupported: unsupportedProviders }
      const routes = async (inner: FastifyInstance) => {
        await inner.register(neac.routes, gateway)
      }
      await app.register(dialectPlugin, {
        ...all,
        prefix: `/${gatewayId}`,
        at: gatewayId,
        dialect: neac,
        routes
      })
    }
  }
}
