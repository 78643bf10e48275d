import { hash, timingSafeEqual } from 'node:crypto'
import type { AuthorizationAsked } from './oauth.js'

/** code-verifier and code-challenge alike (RFC 7636 §4.1, §4.2). */
export const pkceForm = /^[A-Za-z0-9._~-]{43,128}$/

/**
 * Whether the verifier of an exchange is that of its request (RFC 7636 §4.6). A request without a challenge takes no
 * verifier, so that nobody can strip the challenge from it unnoticed (RFC 9700 §4.8.2).
 */
export function verifierFits(pkce: AuthorizationAsked['pkce'], verifier: string | null): boolean {
  if (pkce === null || verifier === null) return pkce === null && verifier === null
  if (!pkceForm.test(verifier)) return false
  const made = Buffer.from(pkce.method === 'S256' ? hash('sha256', verifier, 'base64url') : verifier)
  const expected = Buffer.from(pkce.challenge)
  return made.length === expected.length && timingSafeEqual(made, expected)
}
