import type { FastifyRequest } from 'fastify'
import type { Access, RelyingParty } from '../../access/access.js'
import { ServiceError } from '../../errors.js'
import { Findings } from './findings.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls a dialect, once proved; null before. */
    dialectCaller: DialectCaller | null
  }
}

/** A relying party that has proved itself, and what its request has wrong. */
export interface DialectCaller {
  party: RelyingParty
  findings: Findings
}

/**
 * Proves a relying party by the name and secret that a dialect carries in each request.
 * @throws ServiceError `authentication_failed`.
 */
export async function authenticate(
  request: FastifyRequest,
  access: Pick<Access, 'authenticateClient'>,
  { provider, clientId, clientSecret }: { provider: string; clientId: string; clientSecret: string }
): Promise<DialectCaller> {
  return enter(request, await access.authenticateClient(provider, clientId, clientSecret))
}

/** Notes who calls, where it was proved by a token. */
export function enter(request: FastifyRequest, party: RelyingParty): DialectCaller {
  const caller = { party, findings: new Findings(party.mode) }
  request.dialectCaller = caller
  return caller
}

/** @throws ServiceError `authentication_failed` where the relying party of a token is gone. */
export async function enterByToken(
  request: FastifyRequest,
  access: Pick<Access, 'relyingParty'>,
  { provider, clientId }: { provider: string; clientId: string }
): Promise<DialectCaller> {
  const party = await access.relyingParty(provider, clientId)
  if (party === null) throw new ServiceError('authentication_failed', `${clientId} was removed`)
  return enter(request, party)
}
