import { createPublicKey } from 'node:crypto'
import { Type } from '@fastify/type-provider-typebox'
import type { Device } from '../enrolment/enrolment.js'
import { Timestamp } from '../http/schema.js'

/** A device as operators see it. */
export const DeviceView = Type.Object({
  deviceId: Type.String(),
  provider: Type.String(),
  subscriberId: Type.String(),
  name: Type.String(),
  platform: Type.String(),
  virtual: Type.Boolean({ description: 'Its key is the simulator’s' }),
  publicKey: Type.Object(
    { kty: Type.String(), crv: Type.String(), x: Type.String(), y: Type.String() },
    { description: 'JWK' }
  ),
  userVerification: Type.Union([Type.Literal('device'), Type.Literal('webauthn')], {
    description: 'Who says that the owner was recognised'
  }),
  createdAt: Timestamp
})

export function deviceView(device: Device) {
  const key = createPublicKey({ key: Buffer.from(device.spki), format: 'der', type: 'spki' })
  const { kty = '', crv = '', x = '', y = '' } = key.export({ format: 'jwk' })
  return {
    deviceId: device.id,
    provider: device.provider,
    subscriberId: device.subscriberId,
    name: device.name,
    platform: device.platform,
    virtual: device.virtual,
    publicKey: { kty, crv, x, y },
    userVerification: device.webauthn === null ? ('device' as const) : ('webauthn' as const),
    createdAt: device.createdAt.toISOString()
  }
}
