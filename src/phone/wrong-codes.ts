import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'

const wrongCodesMax = 10
const windowMs = 60_000
/** Addresses remembered; the one that was quiet longest is forgotten first. */
const addressesMax = 10_000

/** Attempts from one address that wait for others to end; further ones are refused. */
const waitingMax = 100

/** Bounds how fast one address can guess activation codes, which are the only proof when a device enrols. */
export interface WrongCodes {
  /**
   * Runs `attempt` unless too many codes from `address` were wrong of late. A failure with
   * `activation_code_invalid` counts; anything else does not, so a school behind one address can enrol its staff.
   * What runs counts as wrong until it has ended, so that guessing at once is no faster than guessing in turn; those
   * that would be too many then wait for it.
   * @throws ServiceError `too_many_requests`, and whatever `attempt` throws.
   */
  guard<T>(address: string, attempt: () => Promise<T>): Promise<T>
}

/** A minute of one address. */
interface Window {
  startedAt: number
  wrong: number
  running: number
  /** Wakes those that wait. */
  waiting: (() => void)[]
}

/** Counts in fixed windows of a minute, per server process. */
export function createWrongCodes(now: Clock): WrongCodes {
  const windows = new LRUCache<string, Window>({ max: addressesMax })

  function present(source: string, at: number): Window {
    const known = windows.get(source)
    if (known !== undefined && at - known.startedAt < windowMs) return known
    const window: Window = { startedAt: at, wrong: 0, running: 0, waiting: [] }
    windows.set(source, window)
    return window
  }

  /** The window in which an attempt is now counted as running. */
  async function entered(source: string): Promise<Window> {
    for (;;) {
      const at = now().getTime()
      const window = present(source, at)
      if (window.wrong + window.running < wrongCodesMax) {
        window.running += 1
        return window
      }
      if (window.wrong >= wrongCodesMax || window.waiting.length >= waitingMax) {
        throw new ServiceError('too_many_requests', `too many wrong activation codes from ${source}`, {
          says: 'Too many wrong activation codes were sent from this address.',
          retryAfterS: Math.ceil((window.startedAt + windowMs - at) / 1000)
        })
      }
      await new Promise<void>((resolve) => window.waiting.push(resolve))
    }
  }

  return {
    async guard(address, attempt) {
      const window = await entered(networkOf(address))
      try {
        return await attempt()
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'activation_code_invalid') window.wrong += 1
        throw error
      } finally {
        window.running -= 1
        for (const wake of window.waiting.splice(0)) wake()
      }
    }
  }
}

/** One household or office: the address itself, or the /64 of an IPv6 address, whose owner has all of it. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return groups.slice(0, 4).join(':')
}
