import { v7 } from 'uuid'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { TokenKey } from '../hsm/hsm.js'
import type { Audit } from './audit.js'
import type { ChainHead } from './chain.js'
import { type Checkpoint, signCheckpoint } from './checkpoint.js'
import type { AuditLog, AuditStore } from './needs.js'
import { createChainWriter } from './writer.js'

/** What auditing stands on. */
export interface AuditDeps {
  /** UUIDv7, new with every start; names the chain. */
  serverId: string
  store: AuditStore
  /** P-256, label `audit`. */
  checkpointKey: TokenKey
  now: Clock
  log: AuditLog
  /** Keeps a checkpoint outside the database; resolves when it is durable there. */
  appendCheckpoint: (checkpoint: Checkpoint) => Promise<void>
  /** Events after which a checkpoint is made at once; default 1,000. */
  checkpointEveryEvents?: number
  /** How long events are gathered for a statement, see `batched`. Default: not at all. */
  gatherMs?: () => number
}

/** The audit of one server process. */
export interface OpenAudit extends Audit {
  /** Signs all heads now, unless nothing happened since the last time. @throws what HSM or database throw. */
  checkpoint(): Promise<void>
  /** Waits for what is being recorded, makes the last checkpoint, and takes nothing more. */
  close(): Promise<void>
  /** SubjectPublicKeyInfo of the checkpoint key, DER. */
  readonly spki: Uint8Array
}

/**
 * Starts this process's hash chain. Its first event names the heads of all other chains, so that none of them can be
 * removed unnoticed.
 * @throws ServiceError `database_unavailable`.
 */
export async function openAudit({
  serverId,
  store,
  checkpointKey,
  now,
  log,
  appendCheckpoint,
  checkpointEveryEvents = 1_000,
  gatherMs
}: AuditDeps): Promise<OpenAudit> {
  let closed = false
  let checkpointedSeq = 0
  let attemptedSeq = 0
  let running: Promise<void> | null = null

  const writer = createChainWriter({
    chain: serverId,
    store,
    now,
    log,
    ...(gatherMs === undefined ? {} : { gatherMs }),
    onStored: () => {
      if (writer.head().seq - Math.max(checkpointedSeq, attemptedSeq) >= checkpointEveryEvents) inBackground()
    }
  })

  async function makeCheckpoint(): Promise<void> {
    // The own head as this process knows it: what is in the database may have been cut meanwhile.
    const own = writer.head()
    if (own.seq === checkpointedSeq) return
    attemptedSeq = own.seq
    const others = (await store.heads()).filter(({ chain }) => chain !== serverId)
    const at = now()
    const heads = [...others, own].sort(byChain)
    const id = v7({ msecs: at.getTime() })
    const checkpoint = await signCheckpoint(checkpointKey, { id, at: at.toISOString(), heads })
    // The database first: what the data folder has and the database has not counts as removed.
    await store.addCheckpoint(checkpoint)
    await appendCheckpoint(checkpoint)
    log.info({ checkpoint }, 'audit checkpoint')
    checkpointedSeq = own.seq
  }

  /** One at a time; a call during another waits and then signs what came since. */
  async function checkpoint(): Promise<void> {
    while (running !== null) await running.catch(() => undefined)
    running = makeCheckpoint().finally(() => {
      running = null
    })
    return running
  }

  function inBackground(): void {
    if (running !== null) return
    checkpoint().catch((err: unknown) => log.error({ err }, 'no audit checkpoint could be made'))
  }

  const heads = await store.heads()
  const about = { heads: heads.sort(byChain).map(({ chain, seq, hash }) => ({ chain, seq, hash })) }
  await writer.record([{ type: 'chain.started', actor: `server:${serverId}`, about }])

  return {
    spki: checkpointKey.spki,
    async record(...events) {
      if (closed) throw new ServiceError('database_unavailable', 'the audit is closed')
      if (events.length > 0) await writer.record(events)
    },
    async recordEnding(ending, ...events) {
      if (closed) throw new ServiceError('database_unavailable', 'the audit is closed')
      return writer.recordEnding(ending, events)
    },
    async recordWith(change) {
      if (closed) throw new ServiceError('database_unavailable', 'the audit is closed')
      return writer.recordWith(change)
    },
    checkpoint,
    async close() {
      if (closed) return
      closed = true
      await writer.idle()
      await checkpoint().catch((err: unknown) => log.error({ err }, 'no last audit checkpoint could be made'))
    }
  }
}

const byChain = (a: ChainHead, b: ChainHead): number => (a.chain < b.chain ? -1 : a.chain > b.chain ? 1 : 0)
