import { Type } from 'typebox'
import type { DetailsCheck, OAuthClient, Redeemed } from '../../access/oauth/oauth.js'
import { secretForm } from '../../access/oauth/secrets.js'
import { ServiceError } from '../../errors.js'
import type { ApiRoutes } from '../deps.js'
import { CscFault } from '../faults.js'
import { grantedDetails, sameDetails } from './authorization-details.js'
import { authenticateClient } from './client.js'
import { grantedChange, sameChange } from './credential-change.js'
import { invalidParameter, missingParameter, type Parameters, takeForms } from './form.js'
import { tagOf, versionOf } from './version.js'

/** The longest form read here, in octets: 1,000 digests with their names are repeated in it. */
const formLimit = 768 * 1024

const Form = Type.Object({
  grant_type: Type.Optional(
    Type.String({
      description: 'authorization_code, refresh_token or client_credentials',
      examples: ['client_credentials']
    })
  ),
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  redirect_uri: Type.Optional(Type.String()),
  code_verifier: Type.Optional(Type.String()),
  authorization_details: Type.Optional(Type.String()),
  refresh_token: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String({ examples: ['service'] }))
})
const Reply = Type.Object({
  access_token: Type.String({ description: 'Opaque. For scope credential it is the SAD.' }),
  token_type: Type.String({ description: 'Bearer; in v1 SAD for scope credential.' }),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  scope: Type.String(),
  refresh_token: Type.Optional(Type.String({ description: 'For one use; its answer has the next one.' })),
  credentialID: Type.Optional(Type.String({ description: 'The one chosen for a signatureQualifier.' })),
  authorization_details: Type.Optional(Type.Array(Type.Unknown()))
})

const invalidGrant = (description: string) => new CscFault(400, 'invalid_grant', description)
const codeEnded = () => invalidGrant('Authorization code is invalid or expired')

/**
 * `oauth2/token`, CSC API v1 §8.3.3 and v2 §8.4.4 over RFC 6749: codes, refresh tokens and client credentials. Faults
 * are reported in the order of the standard's table: client_id, secret, grant_type, its parameters.
 */
export const token: ApiRoutes = async (app, { provider, audience, access, oauth, lenient }) => {
  takeForms(app, formLimit)
  const api = { provider: provider.id, audience }
  const version = versionOf(audience)

  async function clientCredentials({ clientId }: OAuthClient, { scope = 'service' }: Parameters) {
    // A credential-scope token stands for a subscriber's approval; a client cannot give that to itself (§4.2).
    if (scope !== 'service') {
      throw new CscFault(400, 'invalid_scope', 'The requested scope is invalid, unknown, or malformed.')
    }
    const grant = { ...api, clientId, subscriberId: null, scope }
    const { accessToken, expiresInS } = await access.issueToken(grant)
    return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresInS, scope }
  }

  async function refresh(client: OAuthClient, form: Parameters) {
    const given = form.refresh_token ?? (lenient('csc.refresh-token-alias') ? form.refreshToken : undefined)
    if (given === undefined) throw missingParameter('refresh_token')
    if (form.scope !== undefined && form.scope !== 'service') {
      throw new CscFault(400, 'invalid_scope', 'The requested scope is invalid, unknown, or malformed.')
    }
    return answerOf({ scope: 'service', ...(await oauth.refresh(client, given).catch(grantFault)) })
  }

  async function exchange(client: OAuthClient, form: Parameters) {
    const { code, redirect_uri, code_verifier, authorization_details: given } = form
    if (code === undefined) throw missingParameter('code')
    if (!secretForm.test(code)) throw invalidGrant('Invalid parameter code')
    const repeated = (asked: string | null, isSame: (again: string) => boolean): boolean => {
      if (asked === null) return given === undefined
      if (given !== undefined) return isSame(given)
      if (lenient('csc.details-not-repeated')) return true
      throw missingParameter('authorization_details')
    }
    const details: DetailsCheck = {
      credential: (asked, credentialId) =>
        repeated(asked.details, (again) =>
          sameDetails(asked, credentialId, again, lenient('csc.any-base64'))
        ),
      change: (asked) => repeated(asked.details, (again) => sameChange(asked, again))
    }
    const redeemed = await oauth
      .redeemCode(client, {
        code,
        redirectUri: redirect_uri ?? null,
        codeVerifier: code_verifier ?? null,
        details
      })
      .catch(grantFault)
    return answerOf(redeemed)
  }

  function answerOf(redeemed: Redeemed) {
    if (redeemed.scope === 'service') {
      const { accessToken, refreshToken, expiresInS, scope } = redeemed
      const tokens = { access_token: accessToken, token_type: 'Bearer', expires_in: expiresInS, scope }
      return { ...tokens, refresh_token: refreshToken }
    }
    if (redeemed.scope !== 'credential') {
      const { accessToken, expiresInS, scope, asked } = redeemed
      const token = { access_token: accessToken, token_type: 'Bearer', expires_in: expiresInS, scope }
      return { ...token, ...grantedChange(asked) }
    }
    const { sad, expiresInS, scope, credentialId, asked } = redeemed
    return {
      access_token: sad,
      token_type: version === 'v1' ? 'SAD' : 'Bearer',
      expires_in: expiresInS,
      scope,
      ...(asked.credentialId === null ? { credentialID: credentialId } : {}),
      ...(asked.details === null
        ? {}
        : { authorization_details: grantedDetails(asked.details, credentialId) })
    }
  }

  app.post(
    '/oauth2/token',
    {
      schema: {
        tags: [tagOf(version)],
        summary: 'Tokens for a relying party',
        description: `CSC API ${version === 'v1' ? 'v1 §8.3.3' : 'v2 §8.4.4'}. Form-encoded; client_id and client_secret in the body or by HTTP Basic.`,
        consumes: ['application/x-www-form-urlencoded'],
        body: Form,
        response: { 200: Reply }
      }
    },
    async (request, reply) => {
      const form = request.body as Parameters
      const client = await authenticateClient(access, api, request, form)
      reply.header('cache-control', 'no-store')
      switch (form.grant_type) {
        case undefined:
          throw missingParameter('grant_type')
        case 'client_credentials':
          return clientCredentials(client, form)
        case 'refresh_token':
          return refresh(client, form)
        case 'authorization_code':
          return exchange(client, form)
        default:
          throw invalidParameter('grant_type')
      }
    }
  )
}

/** What was wrong with a code or refresh token, in the words of the table. */
function grantFault(error: unknown): never {
  if (!(error instanceof ServiceError)) throw error
  if (error.code === 'authentication_failed') {
    switch (error.field) {
      case 'code':
        throw codeEnded()
      case 'redirect_uri':
        throw invalidGrant(
          'redirect_uri parameter does not match redirect_uri parameter of authorization request'
        )
      case 'authorization_details':
        throw new CscFault(400, 'invalid_authorization_details', 'Invalid parameter authorization_details')
      default:
        throw invalidGrant(`Invalid parameter ${error.field}`)
    }
  }
  if (error.code === 'token_expired')
    throw error.field === 'refresh_token' ? invalidGrant('Refresh token expired') : codeEnded()
  // The approval behind a code ended before it was exchanged.
  if (approvalEnded.has(error.code)) throw codeEnded()
  throw error
}

const approvalEnded: ReadonlySet<string> = new Set([
  ...['activation_waiting', 'activation_rejected', 'activation_expired', 'activation_cancelled'],
  ...['sad_invalid', 'sad_expired', 'not_found']
])
