import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { RelyingParty } from '../../../access/access.js'
import type { AuthorizationAsked, OAuthClient } from '../../../access/oauth/oauth.js'
import { ServiceError } from '../../../errors.js'
import { createBindings } from '../../../http/authorization/binding.js'
import { protect, redirectBack, sendPage, wantsPage } from '../../../http/authorization/browser.js'
import { preferredLanguage } from '../../../http/authorization/language.js'
import { authorizationPages } from '../../../http/authorization/page-routes.js'
import { pageAssets } from '../../../http/authorization/pages/assets.js'
import { logo } from '../../../http/authorization/pages/logo.js'
import { faultPage } from '../../../http/authorization/pages/steps.js'
import { type Parameters, readQuery, takeForms } from '../../../http/form.js'
import { asServiceError } from '../../../http/problem.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { readAuthorization, readRedirectUri, readState } from './authorization-request.js'
import { oauthError, refusedBy } from './oauth-fault.js'
import { pagePlace } from './page-place.js'
import { audience, authPath, smartCaCscId, tag } from './paths.js'
import { codeTtlS } from './terms.js'

/** The longest form read here, in octets. */
const formLimit = 16 * 1024

const parameter = (description: string, example?: string) =>
  Type.Optional(Type.Unknown({ description, ...(example !== undefined && { examples: [example] }) }))
const Fields = Type.Object({
  response_type: parameter('code', 'code'),
  client_id: parameter('clientId of the relying party', 'dvctt'),
  redirect_uri: parameter('Registered', 'http://127.0.0.1:9000/callback'),
  scope: parameter('Any of what auth/token answers', 'sign offline_access'),
  state: parameter('Up to 255 octets, sent back'),
  code_challenge: parameter('RFC 7636; may be left out'),
  code_challenge_method: parameter('S256')
})

/**
 * `auth/authorize` (§3.4): where a relying party sends the browser of a person, by a link or a form. The pages are those of
 * the standard API. Nothing is signed by it: each signature is confirmed on the person's phone.
 */
export const authorize: DialectRoutes = async (
  app,
  { provider, publicUrl, access, oauth, refusals, now }
) => {
  const place = pagePlace(publicUrl, provider.id)
  const bindings = createBindings(place)
  takeForms(app, formLimit)

  async function record(failure: ServiceError, party: RelyingParty | null): Promise<void> {
    const clientId = party?.clientId ?? null
    const actor = clientId === null ? 'anyone' : `relying-party:${provider.id}/${clientId}`
    const about = { provider: provider.id, call: `${authPath}/authorize`, code: failure.code }
    const subject = `${clientId ?? ''} authorize ${failure.code}`
    await refusals.record(`${smartCaCscId} ${provider.id}`, subject, {
      type: 'request.refused',
      actor,
      about
    })
  }

  /** @throws ServiceError which the person is told: a redirect would go to whoever sent them (RFC 6749 §4.1.2.1). */
  async function partyOf(parameters: Parameters): Promise<RelyingParty> {
    const { client_id: clientId = '' } = parameters
    const party = await access.relyingParty(provider.id, clientId)
    if (party === null)
      throw new ServiceError('request_invalid', `no relying party ${clientId}`, {
        says: 'client_id is unknown.',
        field: 'client_id'
      })
    return party
  }

  async function open(
    request: FastifyRequest,
    reply: FastifyReply,
    { parameters, twice }: { parameters: Parameters; twice: readonly string[] }
  ): Promise<FastifyReply> {
    const party = await partyOf(parameters)
    const redirect = readRedirectUri(parameters, party)
    let asked: AuthorizationAsked
    try {
      const lang = preferredLanguage(undefined, request.headers['accept-language'])
      asked = readAuthorization(parameters, twice, redirect, lang)
    } catch (error) {
      const failure = asServiceError(error)
      if (failure.code !== 'request_invalid') throw error
      await record(failure, party)
      request.log.info({ reason: failure.message }, 'an authorization request is sent back')
      return redirectBack(reply, { ...redirect, state: readState(parameters) }, oauthError(failure), null)
    }
    const client: OAuthClient = { provider: provider.id, audience, clientId: party.clientId }
    const { requestId, binding } = await oauth.open(client, asked)
    bindings.keep(request, reply, requestId, binding)
    return protect(reply).redirect(`${place.endpoint(request)}/${requestId}`, 303)
  }

  const schema = {
    tags: [tag],
    summary: 'Where a person logs in and allows',
    description: 'For browsers: the answer leads to pages, and these back to redirect_uri with a code.',
    response: { 303: Type.Null({ description: 'To a page.' }) }
  }
  app.get(`${authPath}/authorize`, { schema: { ...schema, querystring: Fields } }, async (request, reply) =>
    open(request, reply, readQuery(request.url))
  )
  app.post(
    `${authPath}/authorize`,
    { schema: { ...schema, consumes: ['application/x-www-form-urlencoded'], body: Fields } },
    async (request, reply) => open(request, reply, { parameters: request.body as Parameters, twice: [] })
  )

  app.setErrorHandler(async (error, request, reply) => {
    const failure = asServiceError(error)
    if (failure.code !== 'request_invalid' || !wantsPage(request)) throw error
    await record(failure, null)
    request.log.info({ reason: failure.message }, 'an authorization request is refused')
    const lang = preferredLanguage(undefined, request.headers['accept-language'])
    const setting = { provider, shared: place.shared(request), lang }
    return sendPage(reply, 400, faultPage(setting, oauthError(failure)))
  })

  await app.register(pageAssets, { prefix: authPath, tag })
  await app.register(logo, { prefix: authPath, provider, tag })
  await app.register(authorizationPages, {
    ...{ provider, audience, oauth, now, place, refusedBy, codeTtlS, tag },
    path: `${authPath}/authorize`,
    issuer: null
  })
}
