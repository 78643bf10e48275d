import { Type } from 'typebox'
import { credentialChanges as changeScopes } from '../../access/oauth/change-scope.js'
import { languages } from '../../http/authorization/language.js'
import type { ApiRoutes } from '../deps.js'
import { detailTypes } from './authorization-details.js'
import { changeTypes } from './credential-change.js'

const Metadata = Type.Object({}, { additionalProperties: true, description: 'RFC 8414 §2' })

/**
 * The authorization server's description (RFC 8414), beside the API and where the RFC puts it; the issuer is the base of
 * the API. Registered at the root.
 */
export const metadata: ApiRoutes = async (app, { provider, base, credentialChanges }) => {
  const authentication = ['client_secret_basic', 'client_secret_post']
  const answer = {
    issuer: base,
    authorization_endpoint: `${base}/oauth2/authorize`,
    token_endpoint: `${base}/oauth2/token`,
    revocation_endpoint: `${base}/oauth2/revoke`,
    pushed_authorization_request_endpoint: `${base}/oauth2/pushed_authorize`,
    require_pushed_authorization_requests: false,
    scopes_supported: ['service', 'credential', ...(credentialChanges ? changeScopes : [])],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_methods_supported: authentication,
    revocation_endpoint_auth_methods_supported: authentication,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    authorization_details_types_supported: [...detailTypes, ...(credentialChanges ? changeTypes.keys() : [])],
    ui_locales_supported: [...languages]
  }
  const schema = {
    tags: ['CSC v2'],
    summary: 'The authorization server',
    description: 'RFC 8414.',
    response: { 200: Metadata }
  }
  const [path, known] = [`/${provider.id}/csc/v2`, '/.well-known/oauth-authorization-server']
  app.get(`${path}${known}`, { schema }, async () => answer)
  // Between host and path (RFC 8414 §3.1).
  app.get(`${known}${path}`, { schema: { ...schema, hide: true } }, async () => answer)
}
