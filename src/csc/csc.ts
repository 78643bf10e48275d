import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Refusals } from '../access/refusals.js'
import { ServiceError } from '../errors.js'
import { pageAssets } from '../http/authorization/pages/assets.js'
import { logo } from '../http/authorization/pages/logo.js'
import { errorResponses, listErrors } from '../http/error-list.js'
import { dropNulls } from '../http/nulls.js'
import { takeAliases } from './aliases.js'
import { login } from './auth/login.js'
import { revoke } from './auth/revoke.js'
import type { ApiRoutes, CscDeps, ProviderApi } from './deps.js'
import { CscFault, faultOf, invalidRequest } from './faults.js'
import { metadata } from './oauth2/metadata.js'
import { oauth2 } from './oauth2/oauth2.js'
import { refusal } from './refusal.js'
import { timestamp } from './timestamp.js'
import { v1Methods } from './v1/routes.js'
import { authorizeCheck } from './v2/authorize-check.js'
import { credentialsAuthorize } from './v2/credentials-authorize.js'
import { credentialsCreate } from './v2/credentials-create.js'
import { credentialsDelete } from './v2/credentials-delete.js'
import { credentialsInfo } from './v2/credentials-info.js'
import { credentialsList } from './v2/credentials-list.js'
import { extendTransaction } from './v2/extend-transaction.js'
import { getChallenge } from './v2/get-challenge.js'
import { info } from './v2/info.js'
import { signHash } from './v2/sign-hash.js'
import { signPolling } from './v2/sign-polling.js'
import { validatorCompiler } from './validation.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The parameter that names what a call is about: what "not found" is said of. */
    named?: string
  }
}

/** Each group is a plugin of its own, so that parsers and hooks of one do not reach another. */
const v2: readonly ApiRoutes[] = [
  info,
  login,
  revoke,
  credentialsList,
  credentialsInfo,
  credentialsAuthorize,
  authorizeCheck,
  getChallenge,
  extendTransaction,
  credentialsCreate,
  credentialsDelete,
  signHash,
  signPolling,
  timestamp
]
const v1: readonly ApiRoutes[] = [login, revoke, ...v1Methods, timestamp]

/** Methods of the standard but for `info` and OAuth 2.0, in its order: `info.methods` lists those that have a route. */
const standard = [
  'auth/login',
  'auth/revoke',
  'credentials/list',
  'credentials/info',
  'credentials/authorize',
  'credentials/authorizeCheck',
  'credentials/getChallenge',
  'credentials/extendTransaction',
  'credentials/sendOTP',
  'credentials/create',
  'credentials/delete',
  'signatures/signHash',
  'signatures/signDoc',
  'signatures/signPolling',
  'signatures/timestamp'
]

/** The versions; routers of their own, since their members have other names. */
const versions = [
  { name: 'v1', groups: v1 },
  { name: 'v2', groups: v2 }
] as const

/** The CSC API of every provider, under `/{provider}/csc/v1` and `/v2`. Faults are reported in the standard's own words. */
export async function csc(app: FastifyInstance, deps: CscDeps): Promise<void> {
  app.setErrorHandler(answerWith(deps.refusals))
  app.setValidatorCompiler(validatorCompiler)
  app.decorateRequest('cscGrant', null)
  app.addHook('onRoute', listErrors(errorResponses(describedFault)))
  app.addHook('preValidation', dropNulls)
  app.removeContentTypeParser('text/plain')
  const { providers, ...shared } = deps
  for (const provider of providers) {
    await app.register(logo, { prefix: `/${provider.id}/csc`, provider, tag: 'CSC' })
    await app.register(pageAssets, { prefix: `/${provider.id}/csc`, tag: 'CSC v2' })
    for (const { name, groups } of versions) {
      const prefix = `/${provider.id}/csc/${name}`
      const base = `${deps.publicUrl}${prefix}`
      const methods: string[] = []
      const specs = deps.specsOf(provider.id, name)
      // A login name alone proves nobody.
      const credentialChanges = deps.credentialChanges && name === 'v2' && provider.login.asksPassword
      const of = { provider, base, audience: `csc/${name}`, methods, specs, credentialChanges }
      const api: ProviderApi = { ...shared, ...of }
      await app.register(async (version) => {
        version.addHook('preValidation', takeAliases(deps.lenient, name))
        for (const group of groups) await version.register(group, { prefix, ...api })
      })
      // Forms and queries have names of their own.
      await app.register(oauth2, { prefix, ...api })
      if (name === 'v2') await app.register(metadata, api)
      methods.push(
        ...standard.filter((method) => app.hasRoute({ method: 'POST', url: `${prefix}/${method}` }))
      )
      app.post(`${prefix}/*`, { schema: { hide: true }, onRequest: refuseMethod }, refuseMethod)
    }
  }
}

/** For the description of the API. */
function describedFault(failure: ServiceError): { status: number; body: object } {
  const { statusCode, error, description } = faultOf(failure, 'credentialID')
  return { status: statusCode, body: { error, error_description: description } }
}

/** A method without a route is one that is not implemented, whatever was sent to it (CSC API v1 and v2 §10). */
async function refuseMethod(request: FastifyRequest): Promise<never> {
  throw new ServiceError('not_offered', request.url)
}

/** Answers a fault in the standard's words, after the audit has it. */
function answerWith(refusals: Pick<Refusals, 'record'>) {
  return async (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    let fault = readFault(error, request)
    try {
      if (unheard(error)) await refusals.record(...refusal(fault, request))
    } catch (failure) {
      fault = readFault(failure as FastifyError, request)
    }
    // A crowd that is turned away is counted; a line for each would take from those who are served.
    if (!isBusy(error)) {
      const level = fault.statusCode >= 500 && fault.statusCode !== 501 ? 'error' : 'info'
      request.log[level]({ err: error }, `refused: ${fault.message}`)
    }
    await reply
      .code(fault.statusCode)
      .headers(fault.headers)
      .header('content-type', 'application/json;charset=UTF-8')
      .send(JSON.stringify({ error: fault.error, error_description: fault.description }))
  }
}

const isBusy = (error: unknown): boolean => error instanceof ServiceError && error.code === 'hsm_busy'

/** What the service refuses it records itself; this is about what was refused before it got there. */
function unheard(error: FastifyError): boolean {
  if (!(error instanceof ServiceError)) return true
  return error.code === 'authentication_failed' || error.code === 'token_expired'
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
