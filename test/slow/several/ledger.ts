import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, base64 } from '../../clients/portal.js'

/** One call of signHash and what came of it, as the one who called saw it. */
export interface Redemption {
  activationId: string
  credentialID: string
  digests: string[]
  /** Index of the server that was asked, or `front`: whichever nginx chose. */
  via: number | 'front'
  sentAt: number
  /** `unknown`: the connection ended without an answer. */
  outcome: 'signed' | 'refused' | 'unknown'
  status: number
  signatures: string[]
}

/** What must not happen, in words, and all that was answered: filled by the load, judged afterwards. */
export interface Ledger {
  readonly redemptions: Redemption[]
  readonly violations: string[]
  /** Digest in base64 to the document it is of. */
  readonly documents: Map<string, string>
  /** How often each digest was asked for in its activation. */
  readonly approved: Map<string, number>
  /** Calls without an answer, by when they were sent and to whom. */
  readonly unanswered: { via: number | 'front'; sentAt: number; why: string }[]
  /** When credentials could not be used: from the answer to what ended them until what could undo it was sent. */
  readonly ends: { credentialID: string; from: Date; to: Date }[]
  expect(holds: boolean, otherwise: string): void
  /** Calls signHash and writes down what came of it. Never throws. */
  redeem(
    of: Pick<Redemption, 'activationId' | 'credentialID' | 'via'> & { digests: readonly Uint8Array[] },
    call: () => Promise<Answer<{ signatures?: string[]; error_description?: string }>>
  ): Promise<Redemption>
}

const retryAfterMs = 200

/** Tries again while it is turned away (503), which takes nothing. */
export async function patiently<Body>(call: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  for (;;) {
    const answer = await call()
    if (answer.status !== 503) return answer
    await sleep(retryAfterMs)
  }
}

export function openLedger(): Ledger {
  const redemptions: Redemption[] = []
  const violations: string[] = []
  const unanswered: Ledger['unanswered'] = []
  return {
    redemptions,
    violations,
    documents: new Map(),
    approved: new Map(),
    unanswered,
    ends: [],
    expect(holds, otherwise) {
      if (!holds) violations.push(otherwise)
    },
    async redeem({ digests, ...of }, call) {
      const sentAt = Date.now()
      const redemption: Redemption = {
        ...of,
        digests: digests.map(base64),
        sentAt,
        outcome: 'unknown',
        status: 0,
        signatures: []
      }
      try {
        const { status, body } = await patiently(call)
        redemption.status = status
        redemption.signatures = body.signatures ?? []
        if (status === 200) redemption.outcome = 'signed'
        else if (status === 400) redemption.outcome = 'refused'
        else violations.push(`signHash by ${of.via} answered ${status} ${JSON.stringify(body)}`)
      } catch (error) {
        unanswered.push({ via: of.via, sentAt, why: String(error) })
      }
      redemptions.push(redemption)
      return redemption
    }
  }
}
