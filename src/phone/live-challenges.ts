import type { BaseLogger } from 'pino'
import type { ActivationStatus, Activations } from '../activation/activation.js'
import type { Device, Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import type { EventStream } from './event-stream.js'

const streamsPerDeviceMax = 5
/** Fewer than the connections a server takes, so that other calls still reach it. */
const streamsMax = 2_000
/** After this the client connects again, with a fresh proof of who it is. */
const streamLifetimeMs = 60 * 60_000
/** How often streams of devices that were removed meanwhile are looked for. */
const removalCheckMs = 1_000
/** Ends of challenges that wait to be written; a client further behind is dropped. */
const endsMax = 200

/** The event streams that this process holds open. */
export interface LiveChallenges {
  /** @throws ServiceError `too_many_requests` when this device, or this process, has all the streams it may have. */
  assertRoom(deviceId: string): void
  /**
   * Tells `device` over `stream` of every challenge that waits, then of every new one and every end of one, until
   * the stream closes or the device is removed.
   */
  follow(device: Device, stream: EventStream): void
  /** Ends the streams of a device, as when it is removed. */
  closeOf(deviceId: string): void
  /** Ends them all and takes no more. */
  close(): void
}

/** Keeps devices told. What was missed is never guessed: the stream ends, and the next one starts with all there is. */
export function createLiveChallenges(deps: {
  activations: Pick<Activations, 'waitingFor' | 'watch'>
  directory: Pick<Directory, 'device'>
  log: Pick<BaseLogger, 'warn' | 'debug'>
}): LiveChallenges {
  const { activations, directory, log } = deps
  const streams = new Map<string, Set<EventStream>>()
  let count = 0
  let closing = false

  // Removal by an operator, perhaps on another server, is noticed through the Directory.
  const removals = setInterval(() => {
    for (const deviceId of streams.keys()) {
      stillRegistered(deviceId).then(
        (registered) => registered || closeOf(deviceId),
        (error: unknown) => log.debug({ err: error }, 'could not look a device up')
      )
    }
  }, removalCheckMs)
  removals.unref()

  const stillRegistered = async (deviceId: string): Promise<boolean> => {
    const device = await directory.device(deviceId)
    return device !== null && device.removedAt === null
  }

  function closeOf(deviceId: string): void {
    for (const stream of streams.get(deviceId) ?? []) stream.close()
  }

  function add(deviceId: string, stream: EventStream): void {
    const ofDevice = streams.get(deviceId) ?? new Set()
    streams.set(deviceId, ofDevice.add(stream))
    count += 1
    stream.onClosed(() => {
      ofDevice.delete(stream)
      if (ofDevice.size === 0) streams.delete(deviceId)
      count -= 1
    })
  }

  function follow(device: Device, stream: EventStream): void {
    /** Ids that this client was told of and not yet told the end of. */
    const told = new Set<string>()
    const ends: { id: string; status: ActivationStatus }[] = []
    let stale = true
    let writing = false

    async function write(): Promise<void> {
      if (writing) return
      writing = true
      try {
        while (!stream.closed && (stale || ends.length > 0)) {
          if (stale) {
            stale = false
            if (!(await stillRegistered(device.id))) return stream.close()
            for (const challenge of await activations.waitingFor(device.subscriberId)) {
              if (told.has(challenge.id)) continue
              told.add(challenge.id)
              await stream.send('challenge', challenge)
            }
          }
          // Read after the waiting ones, so that the end of a challenge never comes before it.
          const end = ends.shift()
          if (end !== undefined && told.delete(end.id)) await stream.send('ended', end)
        }
      } catch (error) {
        log.warn({ err: error, deviceId: device.id }, 'an event stream was ended by a fault')
        stream.close()
      } finally {
        writing = false
      }
    }

    add(device.id, stream)
    const unwatch = activations.watch(device.subscriberId, (change) => {
      if (change.kind === 'missed' || ends.length >= endsMax) return stream.close()
      if (change.kind === 'challenge') stale = true
      else ends.push({ id: change.activationId, status: change.status })
      void write()
    })
    const lifetime = setTimeout(() => stream.close(), streamLifetimeMs)
    stream.onClosed(() => {
      unwatch()
      clearTimeout(lifetime)
    })
    void write()
  }

  return {
    assertRoom(deviceId) {
      if (closing || count >= streamsMax) {
        throw new ServiceError('too_many_requests', 'this process has all the event streams it may have', {
          retryAfterS: 5
        })
      }
      if ((streams.get(deviceId)?.size ?? 0) >= streamsPerDeviceMax) {
        throw new ServiceError(
          'too_many_requests',
          `device ${deviceId} has ${streamsPerDeviceMax} event streams`,
          {
            says: `A device may have ${streamsPerDeviceMax} event streams open.`,
            retryAfterS: 5
          }
        )
      }
    },
    follow,
    closeOf,
    close() {
      closing = true
      clearInterval(removals)
      for (const deviceId of streams.keys()) closeOf(deviceId)
    }
  }
}
