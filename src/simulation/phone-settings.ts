import type { Audit } from '../audit/audit.js'
import type { Device, Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { VirtualPhone, VirtualPhonePlan, VirtualPhones } from '../store/virtual-phones.js'

/** What setting up a virtual phone needs of enrolment. */
export interface VirtualDeviceEnrolment {
  /** Registers a device whose key the simulator holds in the HSM. @throws ServiceError `not_found`. */
  enrolVirtualDevice(subscriberId: string, actor: string): Promise<Device>
  /** @throws ServiceError `not_found` when it is gone already. */
  removeDevice(deviceId: string, actor: string): Promise<unknown>
}

/** Gives subscribers a virtual phone and says how it answers. `actor` is as in audit events. */
export interface VirtualPhoneSettings {
  /** @throws ServiceError `not_found` for an unknown subscriber, and for one without a virtual phone. */
  read(subscriberId: string): Promise<VirtualPhone>
  /** Sets the phone, registering its device first where there is none. @throws ServiceError `not_found`. */
  set(subscriberId: string, plan: VirtualPhonePlan, actor: string): Promise<VirtualPhone>
  /**
   * Queues how the next challenge alone is answered; members left out follow the setting.
   * @throws ServiceError `not_found`, `too_many_requests` when 100 are queued.
   */
  queue(
    subscriberId: string,
    plan: Pick<VirtualPhonePlan, 'behaviour'> & Partial<VirtualPhonePlan>
  ): Promise<VirtualPhone>
  /** Removes phone and device; without one it does nothing. @throws ServiceError `not_found`: no such subscriber. */
  remove(subscriberId: string, actor: string): Promise<void>
}

/** Each step may be repeated, so that a crash between device and setting leaves nothing that cannot be mended. */
export function createVirtualPhoneSettings(deps: {
  store: VirtualPhones
  enrolment: VirtualDeviceEnrolment
  directory: Pick<Directory, 'subscriber' | 'devicesOf'>
  audit: Pick<Audit, 'record'>
}): VirtualPhoneSettings {
  const { store, enrolment, directory, audit } = deps
  /** The last change under way for a subscriber: two at once would register two devices. */
  const changing = new Map<string, Promise<unknown>>()

  async function oneAtATime<T>(subscriberId: string, work: () => Promise<T>): Promise<T> {
    const before = changing.get(subscriberId) ?? Promise.resolve()
    const mine = before.then(work, work)
    changing.set(subscriberId, mine)
    try {
      return await mine
    } finally {
      if (changing.get(subscriberId) === mine) changing.delete(subscriberId)
    }
  }

  async function requireSubscriber(subscriberId: string): Promise<void> {
    if ((await directory.subscriber(subscriberId)) !== null) return
    throw new ServiceError('not_found', `no subscriber ${subscriberId}`)
  }

  const virtualDevices = async (subscriberId: string): Promise<Device[]> =>
    (await directory.devicesOf(subscriberId)).filter((device) => device.virtual)

  const noPhone = (subscriberId: string): ServiceError =>
    new ServiceError('not_found', `no virtual phone of ${subscriberId}`, {
      says: 'This subscriber has no virtual phone.'
    })

  return {
    async read(subscriberId) {
      await requireSubscriber(subscriberId)
      const phone = await store.find(subscriberId)
      if (phone === null) throw noPhone(subscriberId)
      return phone
    },

    set: (subscriberId, plan, actor) =>
      oneAtATime(subscriberId, async () => {
        await requireSubscriber(subscriberId)
        const [present] = await virtualDevices(subscriberId)
        const device = present ?? (await enrolment.enrolVirtualDevice(subscriberId, actor))
        const phone = await store.set({ subscriberId, deviceId: device.id, ...plan })
        await audit.record({
          type: 'virtual-phone.set',
          actor,
          about: { subscriberId, deviceId: device.id, ...plan }
        })
        return phone
      }),

    async queue(subscriberId, plan) {
      await requireSubscriber(subscriberId)
      const phone = await store.queue(subscriberId, plan)
      if (phone === null) throw noPhone(subscriberId)
      if (phone !== 'full') return phone
      throw new ServiceError('too_many_requests', `the queue of ${subscriberId}'s virtual phone is full`, {
        says: 'Too many behaviours are queued for this virtual phone.'
      })
    },

    remove: (subscriberId, actor) =>
      oneAtATime(subscriberId, async () => {
        await requireSubscriber(subscriberId)
        for (const device of await virtualDevices(subscriberId)) {
          await enrolment.removeDevice(device.id, actor).catch((error: unknown) => {
            if (!(error instanceof ServiceError && error.code === 'not_found')) throw error
          })
        }
        const removed = await store.remove(subscriberId)
        if (removed === null) return
        await audit.record({
          type: 'virtual-phone.removed',
          actor,
          about: { subscriberId, deviceId: removed.deviceId }
        })
      })
  }
}
