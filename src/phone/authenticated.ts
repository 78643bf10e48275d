import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Device } from '../enrolment/enrolment.js'
import type { DeviceAuth } from './device-auth.js'

const decorator = 'callingDevice'

/**
 * Lets only devices of `provider` into the routes of `app`, before a body is read. Whatever changes something needs
 * a token of its own.
 */
export function requireDevice(app: FastifyInstance, provider: string, auth: DeviceAuth): void {
  app.decorateRequest(decorator, null)
  app.addHook('onRequest', async (request) => {
    const device = await auth.authenticate({
      provider,
      authorization: request.headers.authorization,
      singleUse: request.method !== 'GET' && request.method !== 'HEAD'
    })
    request.setDecorator<Device>(decorator, device)
  })
}

/** The device that a request of such a route comes from. */
export function callingDevice(request: FastifyRequest): Device {
  return request.getDecorator<Device>(decorator)
}
