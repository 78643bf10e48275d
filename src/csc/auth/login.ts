import type { preValidationAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import type { ApiRoutes } from '../deps.js'
import { CscFault, invalidRequest } from '../faults.js'
import { parameter } from '../validation.js'

/** What every token of ours looks like. */
const tokenForm = '^[A-Za-z0-9_-]{43}$'

const Body = Type.Object({
  refresh_token: Type.Optional(
    parameter(Type.String({ pattern: tokenForm, description: 'In the place of the header.' }), {
      type: 'Invalid string parameter: refresh_token'
    })
  ),
  rememberMe: Type.Optional(
    parameter(Type.Boolean({ default: false, description: 'Asks for a refresh_token.', examples: [true] }), {
      type: 'Invalid parameter rememberMe'
    })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Reply = Type.Object({
  access_token: Type.String({ description: 'Opaque; of this subscriber alone.' }),
  refresh_token: Type.Optional(Type.String({ description: 'Good for one use.' })),
  expires_in: Type.Integer({ description: 'Seconds.' })
})

const basicForm = /^Basic ([A-Za-z0-9+/]{1,2048}={0,2})$/i
/** RFC 7617 §2: a Basic challenge names its realm. */
const challenge = (realm: string) => ({ 'www-authenticate': `Basic realm="${realm}", charset="UTF-8"` })

/**
 * `auth/login`, CSC API v1 and v2 §11.2, at providers that ask for passwords. There is one answer for an unknown login,
 * a wrong password, a locked login and one that needs a second factor besides, which has no place here.
 */
export const login: ApiRoutes = async (app, { provider, audience, applicationLogins }) => {
  if (!provider.login.asksPassword) return
  const api = { provider: provider.id, audience }

  /** The header first, and only then what is in the body. */
  const requireProof: preValidationAsyncHookHandler = async ({ headers, body }) => {
    const byToken = typeof body === 'object' && body !== null && 'refresh_token' in body
    if (byToken || basicForm.test(headers.authorization ?? '')) return
    const fault = invalidRequest('Malformed authentication parameter.')
    throw new CscFault(401, fault.error, fault.description, challenge(provider.id))
  }

  app.post(
    '/auth/login',
    {
      preValidation: requireProof,
      schema: {
        tags: [audience === 'csc/v1' ? 'CSC v1' : 'CSC v2'],
        summary: 'An access token for a subscriber, by login name and password',
        description:
          'CSC API v1 and v2 §11.2. HTTP Basic with the login name and password, or a refresh_token in the body.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request, reply) => {
      const { refresh_token, rememberMe = false } = request.body
      const basic = basicForm.exec(request.headers.authorization ?? '')?.[1]
      const tokens =
        basic === undefined
          ? await applicationLogins.refresh(api, refresh_token ?? '').catch(unknownToken)
          : await applicationLogins
              .logIn({ ...api, ...readBasic(basic), remember: rememberMe })
              .catch(refused)
      reply.header('cache-control', 'no-store')
      return {
        access_token: tokens.accessToken,
        ...(tokens.refreshToken === null ? {} : { refresh_token: tokens.refreshToken }),
        expires_in: tokens.expiresInS
      }
    }
  )
}

/** RFC 7617 §2: the login name ends at the first colon. */
function readBasic(encoded: string): { login: string; password: string } {
  const malformed = invalidRequest('Malformed username-password.')
  let pair: string
  try {
    pair = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'))
  } catch {
    throw malformed
  }
  const colon = pair.indexOf(':')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for (RFC 7617 §2)
  if (colon < 1 || /[\u0000-\u001f\u007f]/.test(pair)) throw malformed
  return { login: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

/** Why it was refused is between the subscriber and the provider. */
const sameAnswer: readonly string[] = ['authentication_failed', 'login_locked', 'second_factor_required']

function refused(error: unknown): never {
  if (!(error instanceof ServiceError) || !sameAnswer.includes(error.code)) throw error
  const { retryAfterS } = error
  throw new CscFault(
    400,
    'authentication_error',
    'An error occurred during authentication process',
    retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
  )
}

function unknownToken(error: unknown): never {
  const known = error instanceof ServiceError && /^(authentication_failed|token_expired)$/.test(error.code)
  throw known ? invalidRequest('Invalid refresh_token') : error
}
