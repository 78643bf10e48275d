import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { KeyedHash } from './keyed-hash.js'
import type { LockoutKey, LockoutKind, LockoutStore } from './needs.js'
import { createTurns } from './turns.js'

/** Tries of one login that a server judges at once; what it hashes passwords with has no more threads either. */
const judgedAtOnce = 2
/** Tries that wait for their turn in this process, at most. */
const waitingMax = 256
/** How often, and how many times, a try looks again whether others under way on other servers have ended. */
const lookAgainMs = 100
const looksMax = 50
/** Longer than any judgement takes: what is counted as being judged after that was left by a crash. */
const judgementMaxMs = 30_000
/** Wrong tries are forgotten this long after the last one, or after a lockout where that is longer. */
const rememberedMs = 24 * 3_600_000
/** Rows that are not locked, at most. The oldest go first; filling them takes far longer than a lockout lasts. */
const unlockedRowsMax = 100_000

/** Whose secret is tried, and which one. */
export interface TriedSecret {
  provider: string
  clientId: string
  kind: LockoutKind
  /** As it was sent; it need not exist. */
  login: string
}

/**
 * Counts wrong secrets in a row, over all servers and through restarts. Each relying party has a count of its own for
 * each login and kind of secret, so that nobody locks out another's users. Logins that do not exist are counted alike.
 */
export interface Lockout {
  /**
   * Has one try judged. It counts as wrong from before that until it turns out right, so that no crowd of tries gets
   * more of them judged than may be wrong; those that would be too many wait for the others first. A right one starts
   * the count anew.
   * @param judge Null: wrong. What it throws is no try, and is passed on.
   * @param onWrong Told of a wrong one, with how many more may be wrong before a lockout.
   * @throws ServiceError `login_locked` with `retryAfterS`, nothing was judged then; `too_many_requests`.
   */
  guard<T>(
    tried: TriedSecret,
    judge: () => Promise<T | null>,
    onWrong?: (attemptsLeft: number) => void
  ): Promise<T | null>
  /** Forgets all counts of a login, at every relying party and of every kind. Returns how many were locked. */
  unlock(of: { provider: string; login: string }): Promise<number>
  /** Forgets what is over; called by the server's timer. */
  purge(): Promise<void>
}

/** See `Lockout`. */
export function createLockout(deps: {
  store: LockoutStore
  keyedHash: KeyedHash
  now: Clock
  /** Wrong ones in a row before a lockout. */
  attempts: number
  lockoutS: number
}): Lockout {
  const { store, keyedHash, now, attempts, lockoutS } = deps
  const turns = createTurns({ atOnce: Math.min(judgedAtOnce, attempts), waiting: waitingMax })
  const forgottenAfterMs = Math.max(rememberedMs, lockoutS * 1000)

  /** NFC as the directory has it: both spellings of a letter are one login. */
  const loginMacOf = (provider: string, login: string) =>
    keyedHash('kyso/lockout/1', { provider, login: login.normalize('NFC') })

  /** Counts the try, which may be judged then. */
  async function enter(key: LockoutKey): Promise<void> {
    for (let look = 0; look < looksMax; look += 1) {
      const at = now().getTime()
      const entry = await store.enter(key, {
        attempts,
        at: new Date(at),
        lockedUntil: new Date(at + lockoutS * 1000),
        judgedSince: new Date(at - judgementMaxMs),
        countedSince: new Date(at - forgottenAfterMs)
      })
      if (entry.entered) return
      if (!entry.judging) {
        throw new ServiceError('login_locked', `${key.kind} at ${key.provider}/${key.clientId} is locked`, {
          retryAfterS: Math.max(1, Math.ceil((entry.lockedUntil.getTime() - at) / 1000))
        })
      }
      // Locked only in case that those under way are wrong: one of them may be right.
      await sleep(lookAgainMs)
    }
    throw new ServiceError('too_many_requests', 'other tries of this login are being judged', {
      retryAfterS: 1
    })
  }

  return {
    async guard({ provider, clientId, kind, login }, judge, onWrong = () => {}) {
      const loginMac = await loginMacOf(provider, login)
      const key: LockoutKey = { provider, clientId, kind, loginMac }
      const name = [provider, clientId, kind, loginMac.toString('hex')].join('\n')
      return turns.take(name, async () => {
        await enter(key)
        let found: Awaited<ReturnType<typeof judge>>
        try {
          found = await judge()
        } catch (error) {
          // Where this fails too, the try stays counted as wrong.
          await store.leave(key, { as: 'nothing', attempts }).catch(() => undefined)
          throw error
        }
        const tries = await store.leave(key, { as: found === null ? 'wrong' : 'right', attempts })
        if (found === null) onWrong(Math.max(0, attempts - tries))
        return found
      })
    },

    unlock: async ({ provider, login }) =>
      store.remove({ provider, loginMac: await loginMacOf(provider, login), at: now() }),

    async purge() {
      const at = now().getTime()
      await store.purge({
        at: new Date(at),
        countedSince: new Date(at - forgottenAfterMs),
        judgedSince: new Date(at - judgementMaxMs),
        unlockedMax: unlockedRowsMax
      })
    }
  }
}
