import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../http/schema.js'
import { callingDevice, requireDevice } from './authenticated.js'
import type { DeviceAuth } from './device-auth.js'
import { openEventStream } from './event-stream.js'
import type { LiveChallenges } from './live-challenges.js'

/** `GET /events`: server-sent events in place of a push service. */
export const events: FastifyPluginAsyncTypebox<{
  provider: string
  auth: DeviceAuth
  live: LiveChallenges
}> = async (app, { provider, auth, live }) => {
  requireDevice(app, provider, auth)
  app.get(
    '/events',
    {
      exposeHeadRoute: false, // a HEAD would hold a stream that nobody reads
      schema: {
        tags: ['phone'],
        summary: 'Challenges as they come and end',
        description:
          'Server-sent events: `challenge` (as `GET /challenges` gives it) and `ended` (`{id, status}`). On connect ' +
          'every waiting challenge is sent, and what a device held before is void. A comment every 15 s. The stream ' +
          'ends when the device is removed, when the server cannot say whether it missed something, and after an hour.',
        produces: ['text/event-stream'],
        response: problemResponses
      }
    },
    async (request, reply) => {
      const device = callingDevice(request)
      live.assertRoom(device.id)
      reply.hijack()
      live.follow(device, openEventStream(reply.raw))
    }
  )
}
