import { type ChainEvent, type ChainHead, canonicalText, eventHash, zeroHash } from './chain.js'
import type { Claim } from './claims.js'
import type { ProblemCode } from './report.js'

/** Where a chain's check tells what it found. */
export type Tell = (code: ProblemCode, chain: string, seq: number | null, says: string) => void

/** Whether an event's content gives the hash that it carries. */
export function hashHolds(event: ChainEvent): boolean {
  try {
    return eventHash({ ...event, aboutCanonical: canonicalText(event.about) }) === event.hash
  } catch {
    return false // content that no canonical JSON exists for was never hashed
  }
}

/** Walks along one chain. Each event is compared with its content, with the one before, and with what is claimed of it. */
export class ChainCheck {
  readonly chain: string
  readonly #claims: readonly Claim[]
  readonly #tell: Tell
  #last: ChainEvent | null = null
  #front: string | null = null
  /** Of the last event whose content is what was hashed. */
  #lastAt = ''

  constructor(chain: string, claims: readonly Claim[], tell: Tell) {
    this.chain = chain
    this.#claims = claims
    this.#tell = tell
  }

  /** What is missing before the first event, which is told by nobody yet: of a retired chain it may be gone. */
  get front(): string | null {
    return this.#front
  }

  /** The last event so far; null: there was none. */
  get last(): ChainHead | null {
    return this.#last
  }

  next(event: ChainEvent): void {
    const { chain, seq } = event
    const last = this.#last
    const expected = (last?.seq ?? 0) + 1
    if (seq < expected) this.#tell('events-out-of-order', chain, seq, `stands behind seq ${expected - 1}`)
    if (seq > expected) {
      const missing = seq - expected === 1 ? `seq ${expected} is` : `seq ${expected} to ${seq - 1} are`
      if (last === null) this.#front = `${missing} missing`
      else this.#tell('events-missing', chain, expected, `${missing} missing`)
    }
    if (!hashHolds(event)) {
      this.#tell('event-changed', chain, seq, 'the content does not give the hash: it was changed')
    } else {
      if (event.at < this.#lastAt) {
        this.#tell('time-backwards', chain, seq, `is of ${event.at}, an earlier event of ${this.#lastAt}`)
      }
      this.#lastAt = event.at
    }
    if (seq === expected && event.previousHash !== (last?.hash ?? zeroHash)) {
      this.#tell('link-wrong', chain, seq, `does not follow from ${seq === 1 ? 'nothing' : `seq ${seq - 1}`}`)
    }
    if (seq === 1 && event.type !== 'chain.started') {
      this.#tell('start-wrong', chain, seq, `a chain begins with chain.started, not with ${event.type}`)
    }
    for (const claim of this.#claims) {
      if (claim.seq === seq && claim.hash !== event.hash) {
        this.#tell(
          'head-differs',
          chain,
          seq,
          `is not the event that ${claim.by} names: this or an earlier one was changed`
        )
      }
    }
    this.#last = event
  }

  /** @returns How many events no checkpoint covers. */
  end(): number {
    const seq = this.#last?.seq ?? 0
    for (const claim of this.#claims) {
      if (claim.seq > seq) {
        const says = `the chain ends here, but ${claim.by} names seq ${claim.seq}: the tail was cut off`
        this.#tell('tail-cut', this.chain, seq, says)
      }
    }
    const signed = this.#claims.filter(({ source }) => source !== 'chain-start').map((claim) => claim.seq)
    return Math.max(0, seq - Math.max(0, ...signed))
  }
}
