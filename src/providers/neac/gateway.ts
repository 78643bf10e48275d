import type { FastifyInstance } from 'fastify'
import { annexFault } from '../annex/envelope.js'
import type { Dialect, DialectDeps } from '../dialect/dialect.js'
import type { Provider, UnsupportedProvider } from '../provider.js'
import { getCertificate } from './get-certificate.js'
import { gatewayId } from './paths.js'
import { sign } from './sign.js'
import { signFile } from './sign-file.js'
import { status } from './status.js'
import { getToken } from './token.js'

/** What the gateway is handed beside what a dialect is: everybody it knows. */
export interface GatewayOptions extends DialectDeps {
  providers: readonly Provider[]
  unsupported: readonly UnsupportedProvider[]
}

/** The national eSign gateway (docs/providers/neac.md): one entry that leads to any of the CAs by `ca_name`. */
export const neac: Pick<Dialect, 'id' | 'roots' | 'hosts' | 'fault' | 'callback'> & {
  routes(app: FastifyInstance, options: GatewayOptions): Promise<void>
} = {
  id: gatewayId,
  roots: ['/sign_v2'],
  hosts: [{ name: 'esign.neac.gov.vn', manners: 'production' }],
  async routes(app, options) {
    for (const routes of [getToken, getCertificate, sign, signFile, status])
      await app.register(routes, options)
  },
  fault: annexFault,
  callback: null
}
