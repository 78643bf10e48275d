import type { ChainHead } from './chain.js'

/** Who says that an event exists. */
export type ClaimSource = 'checkpoint' | 'kept-checkpoint' | 'chain-start'

/** Somebody's word that a chain has this event. */
export interface Claim extends ChainHead {
  source: ClaimSource
  /** Such as `checkpoint 0190...`. */
  by: string
}

/**
 * The furthest place that each source names in each chain. Nearer ones follow from it: who keeps the hash at the
 * furthest place cannot have changed anything before it. So memory grows with chains and not with checkpoints.
 */
export class Claims {
  readonly #byChain = new Map<string, Map<ClaimSource, Claim>>()

  add(claim: Claim): void {
    const ofChain = this.#byChain.get(claim.chain) ?? new Map<ClaimSource, Claim>()
    const known = ofChain.get(claim.source)
    if (known === undefined || known.seq < claim.seq) ofChain.set(claim.source, claim)
    this.#byChain.set(claim.chain, ofChain)
  }

  /** In order of place. */
  of(chain: string): Claim[] {
    return [...(this.#byChain.get(chain)?.values() ?? [])].sort((a, b) => a.seq - b.seq)
  }

  chains(): IterableIterator<string> {
    return this.#byChain.keys()
  }
}
