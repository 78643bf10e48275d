import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AuthorizationAsked } from '../../access/oauth/oauth.js'
import type { Html } from '../html.js'

/** Why a relying party gets no code (RFC 6749 §4.1.2.1). */
export interface RedirectedError {
  error: string
  description: string
}

/** Nothing from elsewhere, nothing inline, in nobody's frame, and forms go nowhere else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'"
].join('; ')

/** What every answer to a browser carries. Addresses here have no secrets, and are nobody else's business all the same. */
export function protect(reply: FastifyReply): FastifyReply {
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('x-frame-options', 'DENY')
    .header('referrer-policy', 'no-referrer')
    .header('permissions-policy', 'camera=(), geolocation=(), microphone=()')
    .header('cache-control', 'no-store')
    .header('vary', 'accept-language, cookie')
}

export const sendPage = (reply: FastifyReply, status: number, page: Html): FastifyReply =>
  protect(reply).code(status).type('text/html; charset=utf-8').send(page.toString())

/** Whether it is a browser that asks, and not a program that wants a fault it can read. */
export const wantsPage = (request: FastifyRequest): boolean =>
  (request.headers.accept ?? '').includes('text/html')

/** Whether a form came from another site (Fetch Metadata); browsers that do not say so are kept off by the proof. */
export const isForeign = (request: FastifyRequest): boolean => {
  const site = request.headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin'
}

/**
 * Sends the browser back (RFC 6749 §4.1.2, RFC 9207). The address was registered for the relying party, so it is followed
 * as it is.
 * @param issuer Null: the API does not know it.
 */
export function redirectBack(
  reply: FastifyReply,
  { redirectUri, state }: Pick<AuthorizationAsked, 'redirectUri' | 'state'>,
  answer: { code: string } | RedirectedError,
  issuer: string | null
): FastifyReply {
  const address = new URL(redirectUri)
  const add = (name: string, value: string) => address.searchParams.append(name, value)
  if ('code' in answer) add('code', answer.code)
  else {
    add('error', answer.error)
    add('error_description', answer.description)
  }
  if (state !== null) add('state', state)
  if (issuer !== null) add('iss', issuer)
  return protect(reply).redirect(address.href, 302)
}
