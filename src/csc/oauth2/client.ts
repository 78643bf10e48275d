import type { FastifyRequest } from 'fastify'
import type { Access } from '../../access/access.js'
import type { OAuthClient } from '../../access/oauth/oauth.js'
import { ServiceError } from '../../errors.js'
import { CscFault, invalidRequest } from '../faults.js'
import { invalidParameter, missingParameter, type Parameters } from './form.js'

/**
 * Proves a relying party by `client_id` and `client_secret` in the form or by HTTP Basic (RFC 6749 §2.3.1), and by one of
 * them only. Faults in the order of the tables (CSC API v1 §8.3.3, §8.3.4): client_id, client, secret.
 * @throws CscFault
 */
export async function authenticateClient(
  access: Pick<Access, 'authenticateClient'>,
  { provider, audience }: { provider: string; audience: string },
  request: FastifyRequest,
  form: Parameters
): Promise<OAuthClient> {
  const basic = readBasic(request.headers.authorization)
  const clientId = basic?.clientId ?? form.client_id
  if (clientId === undefined) throw missingParameter('client_id')
  if (basic !== null && form.client_id !== undefined && form.client_id !== clientId)
    throw invalidParameter('client_id')
  if (basic !== null && form.client_secret !== undefined) throw invalidRequest()
  const clientSecret = basic?.clientSecret ?? form.client_secret
  if (clientSecret === undefined) throw invalidRequest('Client authorization required')
  await access.authenticateClient(provider, clientId, clientSecret).catch(refused)
  return { provider, audience, clientId }
}

/** An unknown client is answered like a known one with a wrong secret (I6): the table's text for the latter. */
function refused(error: unknown): never {
  if (error instanceof ServiceError && error.code === 'authentication_failed')
    throw invalidParameter('client_secret')
  throw error
}

/** Client id and secret are form-encoded before they are joined (RFC 6749 §2.3.1). */
function readBasic(header: string | undefined): { clientId: string; clientSecret: string } | null {
  if (header === undefined) return null
  const encoded = /^Basic ([A-Za-z0-9+/]{1,2048}={0,2})$/i.exec(header)?.[1]
  const pair = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString()
  const colon = pair.indexOf(':')
  try {
    if (colon > 0)
      return { clientId: decode(pair.slice(0, colon)), clientSecret: decode(pair.slice(colon + 1)) }
  } catch {
    // Refused below, like every other header that is none.
  }
  throw new CscFault(401, 'invalid_client', 'Invalid Authorization header')
}

const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
