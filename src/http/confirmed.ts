import type { FastifyReply } from 'fastify'
import type { Activation, Activations } from '../activation/activation.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { untilGone } from './gone.js'

/** The longest that a call waits for the phone; what moves nothing for longer than 10 minutes is cut. */
const waitMaxMs = 590_000

/**
 * Waits until the subscriber has confirmed. A client that goes away takes its request with it, and nobody is asked any
 * longer than the call waits.
 * @throws ServiceError `activation_rejected`, `activation_expired`, `activation_cancelled`.
 */
export async function confirmed(
  {
    activations,
    now
  }: { activations: Pick<Activations, 'answered' | 'withdraw' | 'requireConfirmed'>; now: Clock },
  {
    id: activationId,
    provider,
    clientId,
    expiresAt
  }: Pick<Activation, 'id' | 'provider' | 'clientId' | 'expiresAt'>,
  reply: FastifyReply
): Promise<void> {
  const of = { provider, clientId, activationId }
  const gone = untilGone(reply)
  const timeoutMs = Math.min(expiresAt.getTime() - now().getTime(), waitMaxMs)
  await activations.answered({ activationId, timeoutMs, signal: gone })
  if (gone.aborted) await activations.withdraw({ ...of, reason: 'client-gone' })
  await activations.requireConfirmed(of).catch(async (error: unknown) => {
    if (!(error instanceof ServiceError) || error.code !== 'activation_waiting') throw error
    await activations.withdraw({ ...of, reason: 'not-answered' })
    throw new ServiceError('activation_expired', `nobody waits any longer for ${activationId}`)
  })
}
