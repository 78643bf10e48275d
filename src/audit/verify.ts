import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { Heads } from '../store/checkpoint-shape.js'
import { type ChainEvent, type ChainHead, canonicalText } from './chain.js'
import { ChainCheck, hashHolds } from './chain-check.js'
import { type Checkpoint, checkpointSigned } from './checkpoint.js'
import { type ClaimSource, Claims } from './claims.js'
import {
  type Confirmed,
  EvidenceFault,
  requireAllowed,
  requireSameConfirmation,
  Sessions,
  verifyEvidence
} from './confirmation.js'
import { Devices } from './devices.js'
import type { AuditSource, CheckpointEntry, Evidence, UnreadableEntry } from './evidence.js'
import { needsEvidence } from './evidence.js'
import { type AuditReport, type Problem, problemsMax } from './report.js'
import { retirementOf } from './retirement.js'

/** What verifying needs. */
export interface VerifyDeps {
  source: AuditSource
  /** The data folder's checkpoints, read before anything of `source`; null: no data folder is at hand. */
  kept: AsyncIterable<CheckpointEntry | UnreadableEntry> | null
  /** SubjectPublicKeyInfo, DER in base64, of the keys whose checkpoints count. */
  trustedSpki: readonly string[]
  /** Called now and then with the number of events read. */
  onProgress?: (events: number) => void
}

const startShape = Compile(Type.Object({ heads: Heads }))
const progressEvery = 10_000

/**
 * Verifies a whole audit history: hashes and links of every chain, every checkpoint, and for every confirmation and
 * signature the biometric challenge token again. Memory grows with chains and, by some hundred octets each, with
 * devices, signing sessions and the data folder's checkpoints; not with events.
 */
export async function verifyAudit({
  source,
  kept,
  trustedSpki,
  onProgress
}: VerifyDeps): Promise<AuditReport> {
  const report: AuditReport = {
    whole: false,
    chains: 0,
    events: 0,
    checkpoints: 0,
    keptCheckpoints: null,
    signatures: 0,
    confirmations: 0,
    uncovered: 0,
    problems: [],
    problemsFound: 0
  }
  const claims = new Claims()
  const devices = new Devices()
  const sessions = new Sessions()
  const trusted = new Set(trustedSpki)
  /** Ends of chains that were retired, as kept chains tell. */
  const retired = new Map<string, ChainHead>()
  /** Chains that begin later than with their first event. */
  const remnants: { end: ChainHead; says: string }[] = []
  /** Of the names in the data folder's checkpoints, so that each is in memory once. */
  const names = new Map<string, string>()

  function tell(code: Problem['code'], chain: string | null, seq: number | null, says: string): void {
    report.problemsFound += 1
    if (report.problems.length < problemsMax) report.problems.push({ code, chain, seq, says })
  }

  /** Believes a checkpoint if it is signed by a trusted key. */
  function take(checkpoint: Checkpoint, source: ClaimSource, where: string): void {
    const by = `checkpoint ${checkpoint.id}${where}`
    if (!checkpointSigned(checkpoint)) {
      tell('checkpoint-signature-wrong', null, null, `the signature of ${by} does not verify`)
    } else if (!trusted.has(checkpoint.spki)) {
      tell('checkpoint-key-unknown', null, null, `${by} is signed by an unknown key`)
    } else {
      for (const head of checkpoint.heads) claims.add({ ...head, source, by })
    }
  }

  function named(chain: string): string {
    const known = names.get(chain) ?? chain
    names.set(known, known)
    return known
  }

  async function readKept(): Promise<Map<string, Kept>> {
    const found = new Map<string, Kept>()
    if (kept === null) return found
    report.keptCheckpoints = 0
    for await (const entry of kept) {
      if (entry.kind === 'unreadable') {
        tell('unreadable', null, null, `${entry.place}: ${entry.detail}`)
        continue
      }
      report.keptCheckpoints += 1
      const { id, heads } = entry.checkpoint
      found.set(id, { print: fingerprint(entry.checkpoint), chains: heads.map(({ chain }) => named(chain)) })
      take(entry.checkpoint, 'kept-checkpoint', ' in the data folder')
    }
    return found
  }

  /** Takes what the source has from `keptOnly`. */
  async function readClaims(keptOnly: Map<string, Kept>): Promise<void> {
    for await (const entry of source.claims()) {
      if (entry.kind === 'unreadable') tell('unreadable', null, null, `${entry.place}: ${entry.detail}`)
      if (entry.kind === 'event') takeStart(entry.event)
      if (entry.kind !== 'checkpoint') continue
      const { checkpoint } = entry
      report.checkpoints += 1
      const known = keptOnly.get(checkpoint.id)
      if (known !== undefined && known.print !== fingerprint(checkpoint)) {
        tell(
          'checkpoint-changed',
          null,
          null,
          `checkpoint ${checkpoint.id} is not the one in the data folder`
        )
      }
      keptOnly.delete(checkpoint.id)
      take(checkpoint, 'checkpoint', '')
    }
  }

  /** A checkpoint of retired chains alone was removed with them; any other was removed by somebody. */
  function tellRemoved(keptOnly: Map<string, Kept>, place: number): void {
    const removed = [...keptOnly].filter(([, { chains }]) => !chains.every((chain) => retired.has(chain)))
    report.problemsFound += removed.length
    const problems = removed.map(([id]) => ({
      code: 'checkpoint-removed' as const,
      chain: null,
      seq: null,
      says: `checkpoint ${id} is in the data folder only: it was removed`
    }))
    report.problems.splice(place, 0, ...problems)
    report.problems.length = Math.min(report.problems.length, problemsMax)
  }

  function takeRetirement(event: ChainEvent): void {
    const told = retirementOf(event, trusted)
    if (told === null) {
      tell(
        'retirement-wrong',
        event.chain,
        event.seq,
        'is not signed by a key that counts: nothing is retired by it'
      )
      return
    }
    for (const { chain, seq, hash } of [told, ...told.earlier]) {
      if ((retired.get(chain)?.seq ?? 0) < seq) retired.set(chain, { chain, seq, hash })
    }
    for (const { deviceId, spkiSha256 } of told.devices) devices.carried(deviceId, spkiSha256)
  }

  /** Ends the check of a chain. Whether it may begin late is known when all chains were read. */
  function endOf(check: ChainCheck | null): void {
    if (check === null) return
    report.uncovered += check.end()
    if (check.front !== null && check.last !== null) remnants.push({ end: check.last, says: check.front })
  }

  function tellRemnants(): void {
    for (const { end, says } of remnants) {
      const told = retired.get(end.chain)
      if (told?.seq !== end.seq || told.hash !== end.hash) tell('events-missing', end.chain, 1, says)
    }
  }

  function takeStart(event: ChainEvent): void {
    if (event.seq !== 1 || !hashHolds(event) || !startShape.Check(event.about)) return
    const by = `the first event of chain ${event.chain}`
    for (const head of event.about.heads) claims.add({ ...head, source: 'chain-start', by })
  }

  async function walk(): Promise<void> {
    const seen = new Set<string>()
    let check = null as ChainCheck | null
    let block = new EvidenceBlock()
    let reading = false
    for await (const entry of source.history()) {
      if (entry.kind === 'evidence') {
        if (reading) block = new EvidenceBlock()
        reading = false
        block.add(entry.evidence)
        continue
      }
      if (entry.kind !== 'event') continue // told when the claims were read
      reading = true
      const { event } = entry
      if (check?.chain !== event.chain) {
        endOf(check)
        if (seen.has(event.chain))
          tell('events-out-of-order', event.chain, event.seq, 'the chain is torn apart')
        seen.add(event.chain)
        check = new ChainCheck(event.chain, claims.of(event.chain), tell)
      }
      check.next(event)
      if (event.type === 'device.enrolled' && hashHolds(event)) devices.enrolled(event)
      if (event.type === 'chain.retired') takeRetirement(event)
      await verifyConfirmation(event, block)
      report.events += 1
      if (report.events % progressEvery === 0) onProgress?.(report.events)
    }
    endOf(check)
    tellRemnants()
    report.chains = seen.size
    devices.end(tell)
    for (const chain of claims.chains()) {
      const furthest = seen.has(chain) ? undefined : claims.of(chain).at(-1)
      if (furthest !== undefined && !covers(retired.get(chain), furthest)) {
        tell(
          'chain-missing',
          chain,
          null,
          `the whole chain is missing; ${furthest.by} names its seq ${furthest.seq}`
        )
      }
    }
  }

  async function verifyConfirmation(event: ChainEvent, block: EvidenceBlock): Promise<void> {
    if (event.type !== 'signature.made' && event.type !== 'activation.confirmed') return
    try {
      const activationId = needsEvidence(event)
      const found = activationId === null ? undefined : block.get(activationId)
      if (found === undefined) throw new EvidenceFault(`there is no activation ${activationId ?? ''}`)
      const confirmed = await found.confirmed()
      devices.used(confirmed.deviceId, confirmed.keys, event)
      if (event.type === 'signature.made') {
        requireAllowed(event, found.evidence, sessions)
        report.signatures += 1
      } else {
        requireSameConfirmation(event, confirmed)
        report.confirmations += 1
      }
    } catch (error) {
      if (!(error instanceof EvidenceFault)) throw error
      tell('confirmation-wrong', event.chain, event.seq, `${event.type}: ${error.message}`)
    }
  }

  const keptOnly = await readKept()
  await readClaims(keptOnly)
  const place = report.problems.length
  await walk()
  tellRemoved(keptOnly, place)
  report.whole = report.problemsFound === 0
  return report
}

/** A checkpoint of the data folder, as far as it is compared. */
interface Kept {
  print: string
  chains: readonly string[]
}

/** Whether a retired chain's end is what is claimed, or later. */
const covers = (end: ChainHead | undefined, claim: ChainHead): boolean =>
  end !== undefined && (end.seq > claim.seq || (end.seq === claim.seq && end.hash === claim.hash))

/** The evidence for some events that follow; each is verified once, when it is first asked for. */
class EvidenceBlock {
  readonly #byActivation = new Map<string, { evidence: Evidence; confirmed: () => Promise<Confirmed> }>()

  add(evidence: Evidence): void {
    let verified: Promise<Confirmed> | undefined
    const confirmed = () => {
      verified ??= verifyEvidence(evidence)
      return verified
    }
    this.#byActivation.set(evidence.activation.id, { evidence, confirmed })
  }

  get(activationId: string) {
    return this.#byActivation.get(activationId)
  }
}

const fingerprint = (checkpoint: Checkpoint): string =>
  createHash('sha256').update(canonicalText(checkpoint)).digest('base64')
