import type { Activation, Activations } from '../activation/activation.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { Signing } from '../signing/signing.js'
import type { TransactionEnding, TransactionStore } from './needs.js'
import { endOf, outcomeOfReservations, type Verdict } from './outcome.js'
import type { Transaction } from './transaction.js'

/** How long a server may work on a transaction before another takes it up. */
const claimMs = 15_000
/** Pause before a transaction is looked at again that could not be brought to its end. */
const retryMs = 1_000

/** What bringing a transaction to its end stands on. */
export interface DriveDeps {
  store: Pick<TransactionStore, 'claim' | 'find' | 'release' | 'reservationsOf' | 'finish'>
  activations: Pick<Activations, 'issueSad'>
  activationOf: (id: string) => Promise<Activation | null>
  signing: Pick<Signing, 'sign'>
  now: Clock
}

/**
 * Brings a transaction one step on: signs what was confirmed, or records what became of it. Everything it does may be
 * done twice and by two servers at once, for none of it decides: a digest is reserved once by the database, and an
 * outcome is recorded once.
 * @returns How it ended, if it was this call that recorded it.
 * @throws ServiceError `database_unavailable`.
 */
export async function drive(deps: DriveDeps, id: string): Promise<TransactionEnding | null> {
  const { store, now } = deps
  const at = now()
  if (!(await store.claim(id, at, new Date(at.getTime() + claimMs)))) return null
  try {
    return await driveClaimed(deps, id)
  } catch (error) {
    // Not to be waited for until the claim has passed.
    await store.release(id, new Date(now().getTime() + retryMs)).catch(() => undefined)
    throw error
  }
}

async function driveClaimed(deps: DriveDeps, id: string): Promise<TransactionEnding | null> {
  const { store, now } = deps
  const [transaction, activation] = await Promise.all([store.find(id), deps.activationOf(id)])
  if (transaction === null || activation === null) return null // removed meanwhile, with all of its time
  const verdict = endOf(activation) ?? (await signOrTell(deps, transaction, activation))
  if (!verdict.ended) {
    await store.release(id, new Date(now().getTime() + retryMs))
    return null
  }
  const { outcome, reason, signatures } = verdict
  const ending = { id, outcome, reason, signatures, endedAt: now() }
  return (await store.finish(ending)) ? ending : null
}

async function signOrTell(
  deps: DriveDeps,
  transaction: Transaction,
  activation: Activation
): Promise<Verdict> {
  const open = activation.digests.filter((_, position) => activation.occurrences[position] === '0')
  if (activation.status === 'confirmed' && open.length > 0) {
    const made = await sign(deps, transaction, open)
    if (!Array.isArray(made)) return made
    if (open.length === activation.digests.length)
      return { ended: true, outcome: 'signed', reason: null, signatures: made }
  }
  const reservations = await deps.store.reservationsOf(activation, deps.now())
  return outcomeOfReservations(activation.numSignatures, reservations)
}

/** The approval is redeemed like any other, with a SAD that never leaves this function. */
async function sign(
  { activations, signing }: DriveDeps,
  { id, provider, clientId, credentialId }: Transaction,
  digests: readonly Uint8Array[]
): Promise<Uint8Array[] | Verdict> {
  try {
    const { sad } = await activations.issueSad({ provider, clientId, activationId: id })
    const scheme = { type: 'pkcs1', hash: 'SHA-256' } as const
    return await signing.sign({ provider, clientId, credentialId, sad, hash: 'SHA-256', scheme, digests })
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    if (final.has(error.code)) return { ended: true, outcome: 'failed', reason: error.code, signatures: null }
    return { ended: false } // later, by what the activation and its reservations say then
  }
}

/** What no further try can mend. */
const final: ReadonlySet<string> = new Set([
  'certificate_expired',
  'integrity_broken',
  'not_found',
  'sign_algorithm_refused',
  'digest_length_wrong'
])
