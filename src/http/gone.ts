import type { FastifyReply } from 'fastify'

/** Aborts when whoever asked is gone, also where they went before anybody looked: nobody waits for their answer then. */
export function untilGone({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  if (raw.closed || raw.destroyed) gone.abort()
  else raw.once('close', () => gone.abort())
  return gone.signal
}
