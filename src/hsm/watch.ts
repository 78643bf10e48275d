import { ServiceError } from '../errors.js'
import { describe, hsmUnavailable } from './ckr.js'
import type { Log } from './log.js'

const probeEveryMs = 500
/** Failures in a row, half a second apart, before the module is closed and opened anew. */
const failuresBeforeLost = 2

/**
 * Watches over a token that may vanish and return. A module that has lost its token does not find it again by
 * itself (SoftHSM goes on refusing until C_Finalize), so a lost token means: stop all workers, finalise, and try to
 * open until it is back.
 */
export interface Watch {
  /** Asks the token now. @throws ServiceError `hsm_unavailable`. */
  check(): void
  /** Something looked like a lost token: have a look soon. */
  suspect(): void
  /** Ends the watch; resolves when nothing is being opened or closed any more. */
  stop(): Promise<void>
}

export function createWatch(deps: {
  /** Throws when the token does not answer. */
  probe: () => void
  goDown: () => Promise<void>
  /** Answers false while the token is not back. */
  comeUp: () => Promise<boolean>
  log: Log
}): Watch {
  const { probe, goDown, comeUp, log } = deps
  let state: 'up' | 'down' | 'stopped' = 'up'
  let failures = 0
  let timer: NodeJS.Timeout | null = null
  let looking: Promise<void> = Promise.resolve()

  function lookSoon(): void {
    if (timer !== null || state === 'stopped') return
    timer = setTimeout(() => {
      looking = look().finally(() => {
        timer = null
        if (failures > 0 || state === 'down') lookSoon()
      })
    }, probeEveryMs).unref()
  }

  async function look(): Promise<void> {
    if (state === 'up') {
      try {
        probe()
        failures = 0
      } catch (error) {
        failures += 1
        if (failures < failuresBeforeLost) return
        state = 'down'
        log('error', 'the HSM token is lost; signing stops until it is back', { why: describe(error) })
        await goDown()
      }
    } else if (state === 'down' && (await comeUp()) && state === 'down') {
      state = 'up'
      failures = 0
      log('info', 'the HSM token is back')
    }
  }

  return {
    check() {
      if (state !== 'up')
        throw new ServiceError('hsm_unavailable', `the token is ${state === 'down' ? 'lost' : 'closed'}`)
      try {
        probe()
      } catch (error) {
        lookSoon()
        throw hsmUnavailable('the token does not answer', error)
      }
    },
    suspect: lookSoon,
    async stop() {
      state = 'stopped'
      if (timer !== null) clearTimeout(timer)
      await looking
    }
  }
}
