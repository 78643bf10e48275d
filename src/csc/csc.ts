import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.js'
import type { ApiRoutes, CscDeps, ProviderApi } from './deps.js'
import { CscFault, faultOf, invalidRequest } from './faults.js'
import { logo } from './logo.js'
import { token } from './oauth2/token.js'
import { authorizeCheck } from './v2/authorize-check.js'
import { credentialsAuthorize } from './v2/credentials-authorize.js'
import { credentialsInfo } from './v2/credentials-info.js'
import { credentialsList } from './v2/credentials-list.js'
import { info } from './v2/info.js'
import { signHash } from './v2/sign-hash.js'
import { dropNulls, validatorCompiler } from './validation.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The parameter that names what a call is about: what "not found" is said of. */
    named?: string
  }
}

/** Each group is a plugin of its own, so that parsers and hooks of one do not reach another. */
const v2: readonly ApiRoutes[] = [
  info,
  token,
  credentialsList,
  credentialsInfo,
  credentialsAuthorize,
  authorizeCheck,
  signHash
]

/** Methods of the standard that are known here and not offered: 501 rather than 404 (CSC API v2 §10). */
const notOffered = [
  'auth/login',
  'auth/revoke',
  'oauth2/revoke',
  'oauth2/pushed_authorize',
  'credentials/getChallenge',
  'credentials/extendTransaction',
  'signatures/signDoc',
  'signatures/signPolling',
  'signatures/timestamp'
]

/** The CSC API of every provider, under `/{provider}/csc/v2`. Faults are reported in the standard's own words. */
export async function csc(app: FastifyInstance, deps: CscDeps): Promise<void> {
  app.setErrorHandler(answerFault)
  app.setValidatorCompiler(validatorCompiler)
  app.addHook('preValidation', dropNulls)
  app.removeContentTypeParser('text/plain')
  const { providers, ...shared } = deps
  for (const provider of providers) {
    const prefix = `/${provider.id}/csc/v2`
    const api: ProviderApi = { ...shared, provider, base: `${deps.publicUrl}${prefix}`, audience: 'csc/v2' }
    await app.register(logo, { prefix: `/${provider.id}/csc`, ...api })
    for (const group of v2) await app.register(group, { prefix, ...api })
    for (const method of notOffered) {
      app.post(`${prefix}/${method}`, { schema: { hide: true } }, async () => {
        throw new ServiceError('not_offered', method)
      })
    }
  }
}

function answerFault(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const fault = readFault(error, request)
  const level = fault.statusCode >= 500 ? 'error' : 'info'
  request.log[level]({ err: error }, `refused: ${fault.message}`)
  reply
    .code(fault.statusCode)
    .headers(fault.headers)
    .header('content-type', 'application/json;charset=UTF-8')
    .send(JSON.stringify({ error: fault.error, error_description: fault.description }))
}

function readFault(error: FastifyError, request: FastifyRequest): CscFault {
  if (error instanceof CscFault) return error
  const named = request.routeOptions.config.named ?? 'credentialID'
  if (error instanceof ServiceError) return faultOf(error, named)
  if (error.statusCode === 413) return faultOf(new ServiceError('request_too_large', error.message), named)
  if (error.statusCode === 415)
    return faultOf(new ServiceError('media_type_unsupported', error.message), named)
  if (error.statusCode !== undefined && error.statusCode < 500) return invalidRequest()
  return faultOf(new ServiceError('internal', error.message, { cause: error }), named)
}
