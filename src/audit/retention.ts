import type { Clock } from '../clock.js'
import type { TokenKey } from '../hsm/hsm.js'
import type { Audit } from './audit.js'
import type { ChainHead } from './chain.js'
import { ChainCheck, hashHolds } from './chain-check.js'
import { checkpointSigned } from './checkpoint.js'
import { enrolledKeys } from './devices.js'
import type { AuditLog, RetentionStore } from './needs.js'
import { type Retirement, retirementOf, signRetirement } from './retirement.js'

const dayMs = 86_400_000
/** Events read at once, and looked at without a pause. */
const eventsPerPage = 500

/** What keeping no longer than needed stands on. */
export interface RetentionDeps {
  store: RetentionStore
  audit: Pick<Audit, 'recordWith'>
  /** P-256, label `audit`: it signed the checkpoints. */
  checkpointKey: TokenKey
  now: Clock
  log: AuditLog
  /** This process, whose own chain stays. */
  serverId: string
  /** Days that are kept; null: all. */
  days: number | null
  /** Lets others work for a while. */
  pause: () => Promise<void>
}

/** What a run removed. */
export interface Retained {
  chains: string[]
  /** Tables of whole months. */
  dropped: string[]
}

/**
 * Removes what is older than the limit, so that what is kept can still be verified. Of a chain whose server is gone and
 * whose last event is older, every event is checked; then `chain.retired` in the own chain names its end, and only then
 * its rows go. A chain that is not whole stays. Evidence goes by whole months, when no kept event can need it.
 * Killed anywhere, the next run goes on where it was.
 * @returns Null: another server does it, or nothing is to be removed ever.
 */
export function createRetention(deps: RetentionDeps): () => Promise<Retained | null> {
  const { store, audit, checkpointKey, now, log, serverId, days, pause } = deps
  const spki = Buffer.from(checkpointKey.spki).toString('base64')
  const trusted = new Set([spki])

  /** Null: it is not whole. */
  async function read(end: ChainHead, signed: ChainHead): Promise<Retirement | null> {
    let fault: string | null = null
    const claim = { ...signed, source: 'checkpoint' as const, by: 'the last checkpoint' }
    const check = new ChainCheck(end.chain, [claim], (code, _chain, seq, says) => {
      fault ??= `${code} at seq ${seq ?? '-'}: ${says}`
    })
    const earlier = new Map<string, ChainHead>()
    const devices = new Map<string, string>()
    let last = { seq: 0, hash: '' }
    for (;;) {
      const events = await store.events(end.chain, last.seq, eventsPerPage)
      for (const event of events) {
        check.next(event)
        last = event
        if (event.type === 'device.enrolled' && hashHolds(event)) {
          const enrolled = enrolledKeys(event)
          if (enrolled !== null && !devices.has(enrolled.deviceId))
            devices.set(enrolled.deviceId, enrolled.spkiSha256)
        }
        const told = retirementOf(event, trusted)
        if (told === null) continue
        for (const head of [told, ...told.earlier]) earlier.set(head.chain, head)
        for (const { deviceId, spkiSha256 } of told.devices) devices.set(deviceId, spkiSha256)
      }
      if (events.length < eventsPerPage) break
      await pause()
    }
    check.end()
    if (check.front !== null) fault ??= check.front
    if (last.seq !== end.seq || last.hash !== end.hash) fault ??= 'it does not end where it ended'
    if (fault !== null) {
      log.error({ chain: end.chain, fault }, 'an audit chain is not whole, and is kept: run audit:verify')
      return null
    }
    return {
      ...end,
      earlier: [...earlier.values()],
      devices: [...devices].map(([deviceId, spkiSha256]) => ({ deviceId, spkiSha256 }))
    }
  }

  /** Announces what may go. */
  async function retire(limit: Date): Promise<string[]> {
    const ended = await store.endedBefore(limit, serverId)
    const checkpoint = ended.length === 0 ? null : await store.lastCheckpoint()
    if (checkpoint === null || checkpoint.spki !== spki || !checkpointSigned(checkpoint)) return []
    const signed = new Map(checkpoint.heads.map((head) => [head.chain, head]))
    const retired: string[] = []
    for (const end of ended) {
      const head = signed.get(end.chain)
      if (head?.seq !== end.seq) continue // to be signed with the next checkpoint, which names every chain there is
      const retirement = await read(end, head)
      if (retirement === null) continue
      const events = (await signRetirement(checkpointKey, retirement)).map((about) => ({
        type: 'chain.retired' as const,
        actor: `server:${serverId}`,
        about
      }))
      await audit.recordWith((record) => store.retire(end, (tx) => record(tx, ...events)))
      retired.push(end.chain)
    }
    return retired
  }

  return async () => {
    if (days === null || !(await store.tryHold())) return null
    const limit = new Date(now().getTime() - days * dayMs)
    const chains = await retire(limit)
    const dropped = [...(await store.removeRetired(limit)), ...(await store.removeEvidence(limit))]
    await store.removeCheckpoints(limit)
    if (chains.length > 0 || dropped.length > 0)
      log.info({ chains, dropped }, 'what was kept long enough is gone')
    return { chains, dropped }
  }
}
