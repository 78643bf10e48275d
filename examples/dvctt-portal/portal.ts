/** Puts the portal together: an HTTP application that knows providers only by `RemoteAuthority`. */
import Fastify, { type FastifyInstance } from 'fastify'
import type { RemoteAuthority } from './authorities/remote-authority.js'
import { createApprovals } from './domain/approvals.js'
import { preparePades } from './pdf/pades.js'
import { registerAnswers } from './routes/answers.js'
import { registerDrafts } from './routes/drafts.js'
import { bodyOctetsMax, registerForms } from './routes/forms.js'
import { registerOverview } from './routes/overview.js'
import { registerPayments } from './routes/payments.js'
import { registerPublicFiles } from './routes/public-files.js'
import { registerRegistrations } from './routes/registrations.js'
import { createStore } from './store.js'

/** How long a browser may take over a request, and longer than any call to a provider. */
const requestTimeoutMs = 60_000

export interface PortalDeps {
  /** The providers of the list; one more is one more entry. */
  authorities: readonly RemoteAuthority[]
  now(): Date
  /** How often a provider is asked whether its signer has answered. */
  pollIntervalMs?: number
  log: {
    warn(about: object, message: string): void
    error(about: object, message: string): void
  }
}

/** Not listening yet. `close` ends what waits for signers as well. */
export function createPortal({ authorities, now, pollIntervalMs = 1_000, log }: PortalDeps): FastifyInstance {
  const app = Fastify({
    bodyLimit: bodyOctetsMax,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true
  })
  const store = createStore(now)
  const approvals = createApprovals({ authorities, preparePades, now, pollIntervalMs, log })
  app.addHook('preClose', async () => approvals.close())

  registerAnswers(app, log)
  const forms = registerForms(app)
  const deps = { store, approvals, authorities, forms, now }
  registerOverview(app, deps)
  registerDrafts(app, deps)
  registerRegistrations(app, deps)
  registerPayments(app, deps)
  registerPublicFiles(app)
  return app
}
