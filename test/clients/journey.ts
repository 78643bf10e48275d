import { createHash, randomUUID } from 'node:crypto'
import { Device } from './device.js'
import { Operator } from './operator.js'
import { Portal } from './portal.js'

/** The SHA-256 of a made-up document. */
export const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A subscriber with a credential and a device of their own, made through the operator API. */
export interface Person {
  id: string
  login: string
  credentialID: string
  /** Where one was made at issuance. */
  pin?: string
  device: Device
}

/** Who takes part in a journey at one provider. */
export interface Cast {
  operator: Operator
  portal: Portal
  /** Enrols a further person. */
  enrol(options?: {
    algorithm?: string
    publish?: boolean
    multisign?: number
    validDays?: number
    auth?: 'phone' | 'pin' | 'otp' | 'oauth2code'
    pin?: string
    scal?: '1' | '2'
    /** Further members of the subscriber, such as a password or another login. */
    subscriber?: object
  }): Promise<Person>
  /** Ask and confirm on the person's own device: what comes before redeeming. */
  approve(person: Person, digests: readonly Uint8Array[]): Promise<{ handle: string; sad: string }>
}

/**
 * Sets the stage at a running server that has the demo seed. `now` is the server's clock; the portal is that of
 * `client`, or of the seed.
 */
export function castAt(options: {
  url: string
  provider: string
  now?: () => Date
  client?: { clientId: string; clientSecret: string }
}): Cast {
  const { url, provider, now, client } = options
  const operator = new Operator({ url })
  const portal = new Portal({ url, provider, ...client })

  return {
    operator,
    portal,

    async enrol({ algorithm = 'P-256', publish = true, subscriber = {}, ...more } = {}) {
      const created = await operator.post('/subscribers', {
        provider,
        login: `test-${randomUUID()}`,
        fullName: 'Đỗ Thị Thử',
        nationalId: '001099000001',
        ...subscriber
      })
      const id = String(created.body.id)
      const issued = await operator.post(`/subscribers/${id}/credentials`, { algorithm, publish, ...more })
      const { body } = await operator.post(`/subscribers/${id}/activation-codes`)
      const device = new Device({ url, provider, ...(now === undefined ? {} : { now }) })
      const enrolled = await device.enrol(String(body.code))
      if (created.status !== 201 || issued.status !== 201 || enrolled.status !== 201) {
        throw new Error(`enrolment failed: ${JSON.stringify([created.body, issued.body, enrolled.body])}`)
      }
      const { login } = created.body
      const { credentialID, pin: made } = issued.body
      return {
        id,
        login: String(login),
        credentialID: String(credentialID),
        ...(typeof made === 'string' ? { pin: made } : {}),
        device
      }
    },

    async approve({ credentialID, device }, digests) {
      const asked = await portal.authorize(credentialID, digests)
      const handle = String(asked.body.handle)
      const confirmed = await device.confirm(await device.challenge(handle))
      const { body } = await portal.check(handle)
      if (confirmed.status !== 200 || body.SAD === undefined) {
        throw new Error(`approval failed: ${JSON.stringify([asked.body, confirmed.body, body])}`)
      }
      return { handle, sad: String(body.SAD) }
    }
  }
}
