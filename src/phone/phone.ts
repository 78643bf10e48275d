import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { createRefusals } from '../access/refusals.js'
import type { Activations } from '../activation/activation.js'
import type { Audit } from '../audit/audit.js'
import { challenges } from './challenges.js'
import { createDeviceAuth, type DeviceAuthDeps } from './device-auth.js'
import { devices } from './devices.js'
import { events } from './events.js'
import { createLiveChallenges } from './live-challenges.js'
import type { PhoneEnrolment } from './needs.js'
import { type PageProvider, page } from './page/page.js'
import { createWrongCodes } from './wrong-codes.js'

/** What the phone API is made of. */
export interface PhoneDeps extends Omit<DeviceAuthDeps, 'refusals'> {
  /** Those served; each gets `/{provider}/phone`. */
  providers: readonly PageProvider[]
  activations: Pick<Activations, 'waitingFor' | 'confirm' | 'reject' | 'watch'>
  enrolment: PhoneEnrolment
  audit: Pick<Audit, 'record'>
}

/**
 * The phone API (docs/api.md, "Phone API"): what a subscriber's device calls, and a page that is such a device.
 * Registered once, without a prefix; limits count over all providers. Streams end when the server begins to close.
 */
export const phone: FastifyPluginAsyncTypebox<PhoneDeps> = async (app, deps) => {
  const live = createLiveChallenges({ ...deps, log: app.log })
  const wrongCodes = createWrongCodes(deps.now)
  const refusals = createRefusals({ audit: deps.audit })
  const auth = createDeviceAuth({ ...deps, refusals })
  app.addHook('preClose', async () => {
    live.close()
    await refusals.close()
  })

  for (const provider of deps.providers) {
    const common = { provider: provider.id, auth, live }
    await app.register(
      async (surface) => {
        await surface.register(devices, {
          ...common,
          wrongCodes,
          enrolment: deps.enrolment,
          publicUrl: deps.publicUrl
        })
        await surface.register(challenges, { ...common, activations: deps.activations })
        await surface.register(events, common)
        await surface.register(page, {
          provider,
          publicUrl: deps.publicUrl,
          simulation: deps.virtualDevices
        })
      },
      { prefix: `/${provider.id}/phone` }
    )
  }
}
