import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'

const wrongCodesMax = 10
const windowMs = 60_000
/** Addresses remembered; the one that was quiet longest is forgotten first. */
const addressesMax = 10_000

/** Bounds how fast one address can guess activation codes, which are the only proof when a device enrols. */
export interface WrongCodes {
  /**
   * Runs `attempt` unless too many codes from `address` were wrong of late. A failure with
   * `activation_code_invalid` counts; anything else does not, so a school behind one address can enrol its staff.
   * @throws ServiceError `too_many_requests`, and whatever `attempt` throws.
   */
  guard<T>(address: string, attempt: () => Promise<T>): Promise<T>
}

/** Counts in fixed windows of a minute, per server process. */
export function createWrongCodes(now: Clock): WrongCodes {
  const windows = new LRUCache<string, { startedAt: number; wrong: number }>({ max: addressesMax })
  return {
    async guard(address, attempt) {
      const source = networkOf(address)
      const at = now().getTime()
      const known = windows.get(source)
      const window =
        known !== undefined && at - known.startedAt < windowMs ? known : { startedAt: at, wrong: 0 }
      if (window.wrong >= wrongCodesMax) {
        throw new ServiceError('too_many_requests', `too many wrong activation codes from ${source}`, {
          says: 'Too many wrong activation codes were sent from this address.',
          retryAfterS: Math.ceil((window.startedAt + windowMs - at) / 1000)
        })
      }
      try {
        return await attempt()
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'activation_code_invalid') {
          window.wrong += 1
          windows.set(source, window)
        }
        throw error
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
