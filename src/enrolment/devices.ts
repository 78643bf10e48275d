import { setTimeout as pause } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import type { Refusals } from '../access/refusals.js'
import type { Audit, AuditEvent } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { KeyStorage } from '../hsm/hsm.js'
import type { Seals } from '../store/seals.js'
import type { ActivationCodes } from './activation-codes.js'
import { cancelledEvent } from './cancelled-event.js'
import { readDeviceKey } from './device-key.js'
import type { LocalDirectory } from './directory.js'
import type { Device, Subscriber } from './enrolment.js'
import type { CancelledActivation, DeviceStore, StoredActivationCode } from './needs.js'
import type { PendingKeys } from './pending-keys.js'
import { activationCodeFields, deviceFields } from './sealed-fields.js'
import { readText } from './texts.js'
import { readWebauthn } from './webauthn-key.js'

/** Devices of one subscriber at a time. */
export const devicesMax = 20
/** Longest name and platform, in characters. */
const textMax = 64
/** How long an enrolment waits for the consent of a registered device, and how often it looks. */
const consentWaitMs = 5_000
const consentPollMs = 200
/** Enrolments that wait at the same time; further ones are told at once. */
const waitingMax = 100
/** How often an enrolment is tried again because its code changed meanwhile. */
const attemptsMax = 5

/** What a device sends to be enrolled. */
export interface DeviceInput {
  provider: string
  activationCode: string
  name: string
  platform: string
  /** JWK of an EC P-256 public key; see `readDeviceKey`. */
  publicKey: unknown
  /** The authenticator that recognises its owner, if it has one; see `readWebauthn`. */
  webauthn?: unknown
}

/** What devices stand on. */
export interface DevicesDeps {
  devices: Pick<DeviceStore, 'enrol' | 'insert' | 'remove'>
  codes: ActivationCodes
  directory: LocalDirectory
  keys: Pick<KeyStorage, 'destroy'>
  pendingKeys: Pick<PendingKeys, 'make'>
  seals: Seals
  audit: Audit
  /** Where refused enrolments are told, which strangers cause. */
  refusals: Pick<Refusals, 'record'>
  now: Clock
  /** Whether virtual devices may be made. */
  simulation: boolean
  /** `server:<id>`, the actor where nobody else is. */
  actor: string
}

/** Devices come by a code, and go for good. */
export function createDevices(deps: DevicesDeps) {
  const { devices, codes, directory, pendingKeys, seals, audit, refusals, now } = deps
  let waiting = 0

  const sealed = async (row: Device) => ({ row, seal: await seals.seal('devices', deviceFields(row)) })

  /** The code once consent is given or not needed, waiting a little for it. */
  async function consented(first: StoredActivationCode): Promise<StoredActivationCode> {
    let stored = first
    const asked = stored.row.consentActivationId !== null
    // Without a question only an operator can consent, which takes longer than anybody waits.
    if (stored.row.consent === 'waiting' && asked && waiting < waitingMax) {
      waiting += 1
      try {
        for (
          let waitedMs = 0;
          waitedMs < consentWaitMs && stored.row.consent === 'waiting';
          waitedMs += consentPollMs
        ) {
          await pause(consentPollMs)
          stored = await codes.settled(stored.row.id)
        }
      } finally {
        waiting -= 1
      }
    }
    const { consent, consentBy, id } = stored.row
    if (consent === 'waiting' && !asked) throw operatorRequired(id)
    if (consent === 'waiting' || consent === 'refused') throw consentRequired(id, consent)
    // What a device confirmed and nobody used ends with the device.
    if (
      consentBy?.startsWith('device:') &&
      (await directory.device(consentBy.slice('device:'.length))) === null
    ) {
      throw consentRequired(id, 'refused')
    }
    return stored
  }

  async function enrol(input: DeviceInput, row: Omit<Device, 'subscriberId'>): Promise<Device> {
    let code = await codes.entered(input.provider, input.activationCode)
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      code = await consented(code)
      const device: Device = { ...row, subscriberId: code.row.subscriberId }
      const usedAt = now()
      const used = { ...code.row, usedAt, usedByDeviceId: device.id }
      const [sealedDevice, seal] = await Promise.all([
        sealed(device),
        seals.seal('activation_codes', activationCodeFields(used))
      ])
      const last = await codes.lastRemovedOf(device.subscriberId)
      const use = {
        id: code.row.id,
        sealBefore: code.seal,
        seal,
        usedAt,
        consented: code.row.consent === 'given',
        after: last?.byItself ? last.id : null
      }
      // With the row: the audit must know the key of every device that confirms.
      const outcome = await audit.recordWith((record) =>
        devices.enrol(sealedDevice, use, devicesMax, (transaction, { further, cancelled }) =>
          record(transaction, ...enrolledEvents(device, used, further, cancelled))
        )
      )
      if (outcome === 'enrolled') return device
      if (outcome === 'too_many') throw tooMany(code.row.subscriberId)
      if (outcome === 'has_device') code = await codes.requireConsent(code, 'devices')
      else if (outcome === 'had_device' && last?.byItself === false)
        code = await codes.requireConsent(code, 'operator')
      else code = await codes.entered(input.provider, input.activationCode)
    }
    throw new ServiceError('activation_code_invalid', `${code.row.id} is being changed by others`)
  }

  async function refused(error: unknown, provider: string): Promise<never> {
    if (error instanceof ServiceError) {
      const { code, message } = error
      await refusals.record('device enrolment', `${provider} ${code} ${message}`, {
        type: 'device.refused',
        actor: 'anyone',
        about: { provider, code, detail: message }
      })
    }
    throw error
  }

  return {
    /**
     * Spends an activation code on a device key. A further device of a subscriber needs consent, which is waited
     * for up to 5 s; once it is enrolled, everything that waits for the subscriber is cancelled.
     * @throws ServiceError `request_invalid`; `activation_code_invalid` (unknown, used, expired or another provider's:
     *   the same answer); `consent_required`; `state_conflict` (too many devices); `integrity_broken`.
     */
    async enrolDevice(input: DeviceInput): Promise<{ device: Device; subscriber: Subscriber }> {
      const at = now()
      const row = {
        id: uuidv7({ msecs: at.getTime() }),
        provider: input.provider,
        name: readText('name', input.name, textMax),
        platform: readText('platform', input.platform, textMax),
        spki: readDeviceKey(input.publicKey),
        webauthn: readWebauthn(input.webauthn),
        virtualKey: null,
        virtual: false,
        createdAt: at,
        removedAt: null,
        removedBy: null,
        version: 1
      }
      const device = await enrol(input, row).catch((error: unknown) => refused(error, input.provider))
      const { id, subscriberId } = device
      directory.forget('subscriber', subscriberId)
      const subscriber = await directory.subscriber(subscriberId)
      if (subscriber === null) throw new TypeError(`device ${id} belongs to nobody`)
      return { device, subscriber }
    },

    /**
     * For good; the row stays for the audit. Confirmations it gave that are not spent end.
     * @throws ServiceError `not_found` (also when it was removed before), `integrity_broken`.
     */
    async removeDevice(id: string, by: string): Promise<void> {
      directory.forget('device', id)
      const present = await directory.device(id)
      if (present === null) throw new ServiceError('not_found', `no device ${id}`)
      const at = now()
      const row: Device = { ...present, removedAt: at, removedBy: by, version: present.version + 1 }
      const reason = 'device-removed'
      const { subscriberId, provider, virtual } = row
      const about = { deviceId: id, subscriberId, provider, virtual }
      const next = await sealed(row)
      const removed = await audit.recordWith((record) =>
        devices.remove(next, { reason, at }, (transaction, cancelled) =>
          record(
            transaction,
            { type: 'device.removed', actor: by, about },
            ...cancelled.map((activation) => cancelledEvent(activation, reason, by))
          )
        )
      )
      directory.forget('device', id)
      directory.forget('subscriber', row.subscriberId)
      // Removing is the only change a device knows, so whoever was faster removed it.
      if (!removed) throw new ServiceError('not_found', `device ${id} was removed meanwhile`)
      if (row.virtualKey !== null) await deps.keys.destroy(row.virtualKey)
    },

    /**
     * A device whose key the simulator holds, wrapped like any other. It needs neither code nor consent: it is a
     * simulation aid, and only there where simulation is on.
     * @throws ServiceError `not_offered`, `not_found`, `state_conflict` (too many devices), `hsm_unavailable`.
     */
    async enrolVirtualDevice(subscriberId: string, by: string = deps.actor): Promise<Device> {
      if (!deps.simulation) throw new ServiceError('not_offered', 'virtual devices need SIMULATION=on')
      const subscriber = await directory.subscriber(subscriberId)
      if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${subscriberId}`)
      const at = now()
      const id = uuidv7({ msecs: at.getTime() })
      const device = await pendingKeys.make(id, 'P-256', async (key, pendingKey) => {
        const row: Device = {
          id,
          provider: subscriber.provider,
          subscriberId,
          name: 'Virtual phone',
          platform: 'simulation',
          spki: key.spki,
          webauthn: null,
          virtualKey: key,
          virtual: true,
          createdAt: at,
          removedAt: null,
          removedBy: null,
          version: 1
        }
        const next = await sealed(row)
        const about = {
          deviceId: id,
          subscriberId,
          provider: row.provider,
          virtual: true,
          spki: Buffer.from(row.spki).toString('base64')
        }
        // With the row: the audit must know the key of every device that confirms.
        const outcome = await audit.recordWith((record) =>
          devices.insert(next, { pendingKey, max: devicesMax }, (transaction) =>
            record(transaction, { type: 'device.enrolled', actor: by, about })
          )
        )
        if (outcome === 'too_many') throw tooMany(subscriberId)
        return outcome === 'key_gone' ? outcome : row
      })
      directory.forget('subscriber', subscriberId)
      return device
    }
  }
}

function enrolledEvents(
  { id, subscriberId, provider, spki, webauthn }: Device,
  code: StoredActivationCode['row'],
  further: boolean,
  cancelled: readonly CancelledActivation[]
): AuditEvent[] {
  const actor = `device:${id}`
  const about = {
    deviceId: id,
    subscriberId,
    provider,
    virtual: false,
    further,
    activationCodeId: code.id,
    consentBy: code.consentBy,
    spki: Buffer.from(spki).toString('base64'),
    ...(webauthn && {
      webauthn: {
        credentialId: Buffer.from(webauthn.credentialId).toString('base64'),
        spki: Buffer.from(webauthn.spki).toString('base64')
      }
    })
  }
  return [
    { type: 'device.enrolled', actor, about },
    ...cancelled.map((activation) => cancelledEvent(activation, 'further-device', actor))
  ]
}

function operatorRequired(codeId: string): ServiceError {
  return new ServiceError('consent_required', `${codeId} needs a second operator`, {
    says: `An operator removed the last device of the subscriber: a second operator has to approve activation code ${codeId} (POST /operator/activation-codes/${codeId}/approve).`,
    state: 'waiting'
  })
}

function consentRequired(codeId: string, consent: 'waiting' | 'refused'): ServiceError {
  const fix = `a second operator can approve activation code ${codeId} (POST /operator/activation-codes/${codeId}/approve)`
  return new ServiceError('consent_required', `consent to ${codeId} is ${consent}`, {
    says:
      consent === 'waiting'
        ? `A registered device of the subscriber has to confirm this one first, or ${fix}.`
        : `No registered device of the subscriber consents. Ask the CA for a new activation code, or ${fix} unless the subscriber rejected it.`,
    state: consent
  })
}

function tooMany(subscriberId: string): ServiceError {
  return new ServiceError('state_conflict', `${subscriberId} has ${devicesMax} devices`, {
    says: `The subscriber has ${devicesMax} devices, which is the limit.`
  })
}
