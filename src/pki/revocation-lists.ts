import type { Clock } from '../clock.js'
import type { Authority } from './authority.js'
import type { PkiStore, RevocationListRow } from './pki.js'
import { signRevocationList } from './revocation-list.js'
import type { Turns } from './turns.js'

/** What one CA's CRL needs. */
export interface RevocationListDeps {
  issuer: Authority
  /** From `thisUpdate` to `nextUpdate`, in days. A list older than half of it is made anew. */
  validDays: number
  store: PkiStore
  /** What the lists of all CAs are made by. */
  turns: Turns
  now: Clock
}

/** Attempts to store a list against other servers that do the same; each that fails has seen a newer one. */
const savesAtMost = 5

/**
 * Gives the present CRL of one CA, in DER: made when someone asks and a status has changed since, or when half of its
 * time is over. What has been asked for after a change was committed contains that change. Of several servers one
 * list stands; its number grows by one each time (RFC 5280 §5.2.3).
 */
export function revocationLists({
  issuer,
  validDays,
  store,
  turns,
  now
}: RevocationListDeps): () => Promise<Uint8Array> {
  let known: RevocationListRow | null = null
  let making: Promise<RevocationListRow> | null = null

  function fits(list: RevocationListRow, version: bigint): boolean {
    if (list.statusesVersion < version) return false
    const at = now().getTime()
    const halfTime = (list.thisUpdate.getTime() + list.nextUpdate.getTime()) / 2
    return list.thisUpdate.getTime() <= at + 1000 && at < halfTime
  }

  async function make(version: bigint): Promise<RevocationListRow> {
    for (let save = 0; save < savesAtMost; save += 1) {
      const stored = await store.list(issuer.name)
      if (stored !== null && fits(stored, version)) return stored
      const revoked = await store.revoked(issuer.name)
      const thisUpdate = wholeSecond(now())
      const content = {
        number: (stored?.number ?? 0n) + 1n,
        thisUpdate,
        nextUpdate: new Date(thisUpdate.getTime() + validDays * 86_400_000),
        entries: revoked.entries
      }
      const row = {
        issuer: issuer.name,
        number: content.number,
        thisUpdate,
        nextUpdate: content.nextUpdate,
        statusesVersion: revoked.version,
        der: await signRevocationList(issuer, content)
      }
      if (await store.saveList(row)) return row
    }
    throw new Error(`the CRL of ${issuer.name} was overtaken by other servers ${savesAtMost} times`)
  }

  return async () => {
    const version = await store.statusesVersion(issuer.name)
    // A list in the making may have read the statuses before this caller's change; then it takes a second round.
    for (let round = 0; known === null || !fits(known, version); round += 1) {
      if (round === 3) throw new Error(`the statuses of ${issuer.name} run backwards or the clock does`)
      making ??= turns(() => make(version)).finally(() => {
        making = null
      })
      known = await making
    }
    return known.der
  }
}

function wholeSecond(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000)
}
