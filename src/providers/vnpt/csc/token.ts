import { Type } from 'typebox'
import { addressMaxLength } from '../../../access/addresses.js'
import type { GrantedTokens, OAuthClient } from '../../../access/oauth/oauth.js'
import { ServiceError } from '../../../errors.js'
import { takeForms } from '../../../http/form.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { codeGrant } from './code-grant.js'
import { passwordGrant } from './password-grant.js'
import { audience, authPath, tag } from './paths.js'
import { readRefreshToken, writeRefreshToken } from './refresh-token.js'
import { readScope, scopes } from './scope.js'
import { refreshTtlS } from './terms.js'

/** The longest form read here, in octets. */
const formLimit = 16 * 1024

/** Parameters that one grant or another needs. */
type Given = 'username' | 'password' | 'code' | 'redirect_uri' | 'refresh_token'

const text = (maxLength: number, description?: string) =>
  Type.Optional(Type.String({ maxLength, ...(description !== undefined && { description }) }))

const Form = Type.Object(
  {
    grant_type: Type.String({ maxLength: 64, description: 'password, authorization_code or refresh_token' }),
    client_id: Type.String({ minLength: 1, maxLength: 128 }),
    client_secret: Type.String({ minLength: 1, maxLength: 256 }),
    username: text(128, 'Login of the person, for password'),
    password: text(256),
    code: text(128),
    redirect_uri: text(addressMaxLength, 'That of the authorization request'),
    code_verifier: text(128, 'Where there was a code_challenge'),
    refresh_token: text(64),
    scope: text(256, 'Any of what is answered; of no effect')
  },
  {
    examples: [
      {
        grant_type: 'password',
        client_id: 'dvctt',
        client_secret: 'dvctt-secret',
        username: '001088035895',
        password: 'vnpt-demo',
        scope: 'sign offline_access'
      }
    ]
  }
)

const Answer = Type.Object({
  access_token: Type.String({ description: 'Opaque' }),
  refresh_token: Type.String({ description: '64 hexadecimal characters, for one use' }),
  token_type: Type.String(),
  expires_in: Type.Integer({ description: 'Seconds' }),
  scope: Type.String()
})

/** `auth/token` (§3.4): tokens of one person for one relying party. They let nobody sign. */
export const token: DialectRoutes = async (app, { access, provider, logins, oauth }) => {
  takeForms(app, formLimit)

  app.post(
    `${authPath}/token`,
    {
      schema: {
        tags: [tag],
        summary: 'Tokens of a person',
        description: 'Form-encoded (RFC 6749 §4.1.3, §4.3, §6).',
        consumes: ['application/x-www-form-urlencoded'],
        body: Form,
        response: { 200: Answer }
      }
    },
    async (request, reply) => {
      const { grant_type, client_id: clientId, client_secret: clientSecret, ...form } = request.body
      await authenticate(request, access, { provider: provider.id, clientId, clientSecret })
      readScope(form.scope)
      const client: OAuthClient = { provider: provider.id, audience, clientId }
      const granted = await grantOf(grant_type, client, form)
      reply.header('cache-control', 'no-store')
      return {
        access_token: granted.accessToken,
        refresh_token: writeRefreshToken(granted.refreshToken),
        token_type: 'bearer',
        expires_in: granted.expiresInS,
        scope: scopes.join(' ')
      }
    }
  )

  function grantOf(
    grantType: string,
    client: OAuthClient,
    form: Readonly<Partial<Record<Given | 'code_verifier', string>>>
  ): Promise<GrantedTokens> {
    const given = (name: Given): string => {
      const value = form[name]
      if (value === undefined)
        throw new ServiceError('request_invalid', `no ${name}`, { says: `${name} is required.`, field: name })
      return value
    }
    switch (grantType) {
      case 'password':
        return passwordGrant({ logins, oauth }, client, {
          login: given('username'),
          password: given('password')
        })
      case 'authorization_code':
        return codeGrant(oauth, client, {
          code: given('code'),
          redirectUri: given('redirect_uri'),
          codeVerifier: form.code_verifier ?? null
        })
      case 'refresh_token':
        return oauth.refresh(client, readRefreshToken(given('refresh_token')), refreshTtlS)
      default:
        throw new ServiceError('request_invalid', `grant_type ${grantType}`, {
          says: 'grant_type is password, authorization_code or refresh_token.',
          field: 'grant_type'
        })
    }
  }
}
