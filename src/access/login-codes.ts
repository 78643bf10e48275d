import { randomInt, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { KeyedHash } from './keyed-hash.js'
import type { CodeOwner, LoginCodeStore } from './needs.js'

/** How long the right password, and any code sent for it, counts. */
export const codeTtlMs = 5 * 60_000
/** Wrong tries of one code before it is void, whatever a lockout allows: a million codes are not many. */
const triesMax = 5
/** Codes sent to one person for one relying party before the last one has to end: nobody's phone is flooded. */
const sentMax = 5

const codeForm = /^[0-9]{6}$/

/** A code that is to be sent. */
export interface NewCode {
  /** Six digits. */
  code: string
  expiresAt: Date
}

/** One-time codes of six digits: one at a time for each subscriber, relying party and purpose, kept as a keyed hash. */
export interface LoginCodes {
  /** In the place of an earlier one. Null: too many were sent of late. */
  start(of: CodeOwner): Promise<NewCode | null>
  /** Another one, where one is waited for; it ends when the first would have. Null: none is, or too many were sent. */
  replace(of: CodeOwner): Promise<NewCode | null>
  /** Whether `code` is the one that is waited for; true for one caller. */
  take(of: CodeOwner, code: string): Promise<boolean>
  purge(): Promise<void>
}

export function createLoginCodes(deps: {
  store: LoginCodeStore
  keyedHash: KeyedHash
  now: Clock
}): LoginCodes {
  const { store, keyedHash, now } = deps

  /** Bound to its owner, so that nobody who can write SQL makes one person's code another's. */
  const macOf = (owner: CodeOwner, code: string) => keyedHash('kyso/login-code/1', { ...owner, code })
  const newCode = () => String(randomInt(1_000_000)).padStart(6, '0')

  return {
    async start(owner) {
      const code = newCode()
      const at = now()
      const expiresAt = new Date(at.getTime() + codeTtlMs)
      const codeMac = await macOf(owner, code)
      return (await store.start({ ...owner, codeMac, at, expiresAt, sentMax })) ? { code, expiresAt } : null
    },

    async replace(owner) {
      const code = newCode()
      const replaced = await store.replace({
        ...owner,
        codeMac: await macOf(owner, code),
        at: now(),
        sentMax
      })
      return replaced === null ? null : { code, expiresAt: replaced.expiresAt }
    },

    async take(owner, code) {
      const given = await macOf(owner, code)
      const waited = await store.attempt({ ...owner, at: now(), triesMax })
      if (waited === null || !codeForm.test(code)) return false
      const { codeMac } = waited
      if (codeMac.length !== given.length || !timingSafeEqual(codeMac, given)) return false
      return store.use({ ...owner, codeMac })
    },

    purge: () => store.purge(now())
  }
}
