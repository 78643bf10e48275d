import { ServiceError } from '../errors.js'

/** A request that would wait longer for the HSM is refused at once: so long a portal's user waits without wondering. */
const waitMaxMs = 500
/** Requests under way at the same time, whatever they cost. */
const underWayMax = 1_000
/** What a refused client is told to wait. */
const retryAfterS = 1

/** Decides who may come in, before anything is looked up or reserved. */
export interface Admission {
  /**
   * @param workMs How long the HSM will be busy with the request.
   * @returns To be called when the request has ended, however it ended.
   * @throws ServiceError `hsm_busy`.
   */
  enter(workMs: number): () => void
  /** Numbers for /metrics. */
  stats(): { underWay: number; refused: number }
}

/**
 * Bounds the queue by time and not by length, since a network HSM may be a hundred times slower than the next. What is
 * beyond is refused before it costs a reservation: at twice the load that the HSM can bear, half of the requests are
 * answered as fast as ever, instead of all of them too late.
 */
export function createAdmission(): Admission {
  let underWay = 0
  let waitMs = 0
  let refused = 0
  return {
    enter(workMs) {
      if (waitMs > waitMaxMs || underWay >= underWayMax) {
        refused += 1
        const detail = `${underWay} requests are under way, some ${Math.round(waitMs)} ms of work`
        throw new ServiceError('hsm_busy', detail, { retryAfterS })
      }
      underWay += 1
      waitMs += workMs
      return () => {
        underWay -= 1
        // Rounding must not add up.
        waitMs = underWay === 0 ? 0 : waitMs - workMs
      }
    },
    stats: () => ({ underWay, refused })
  }
}
