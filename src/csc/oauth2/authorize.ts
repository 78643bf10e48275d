import { Type } from 'typebox'
import type { RelyingParty } from '../../access/access.js'
import type { OAuthClient } from '../../access/oauth/oauth.js'
import { ServiceError } from '../../errors.js'
import { createBindings } from '../../http/authorization/binding.js'
import { protect, redirectBack, sendPage, wantsPage } from '../../http/authorization/browser.js'
import { preferredLanguage } from '../../http/authorization/language.js'
import { faultPage } from '../../http/authorization/pages/steps.js'
import type { ApiRoutes } from '../deps.js'
import { CscFault, faultOf, invalidRequest } from '../faults.js'
import { refusal } from '../refusal.js'
import { readAuthorization, readRedirectUri, readState } from './authorization-request.js'
import { hasNul, invalidParameter, missingParameter, type Parameters, readQuery } from './form.js'
import { pagePlace } from './pages.js'
import { querySchemas } from './parameter-schemas.js'
import { tagOf, versionOf } from './version.js'

/** What is wrong with these is told to the person: a redirect would go to whoever sent them (RFC 6749 §4.1.2.1). */
const neverRedirected = ['client_id', 'redirect_uri', 'request_uri']

/**
 * `oauth2/authorize`, CSC API v1 §8.3.2 and v2 §8.4.2: where a relying party sends the browser of a person. Nothing is
 * asked of anybody's phone here: the person is to be known first, on the page that follows.
 */
export const authorize: ApiRoutes = async (
  app,
  { provider, base, audience, access, oauth, pki, credentialChanges, lenient, refusals }
) => {
  const version = versionOf(audience)
  const issuer = version === 'v2' ? base : null
  const place = pagePlace(base)
  const bindings = createBindings(place)
  const changes = credentialChanges ? { policy: pki.policy(provider.id) } : null

  /** @throws CscFault which the person is told. */
  async function clientOf(parameters: Parameters, twice: readonly string[]): Promise<RelyingParty> {
    if (twice.some((name) => neverRedirected.includes(name)) || hasNul(parameters)) throw invalidRequest()
    const { client_id: clientId } = parameters
    if (clientId === undefined) throw missingParameter('client_id')
    const party = await access.relyingParty(provider.id, clientId)
    if (party === null) throw invalidParameter('client_id')
    return party
  }

  app.get(
    '/oauth2/authorize',
    {
      schema: {
        tags: [tagOf(version)],
        summary: 'Where a person logs in and allows',
        description: `CSC API ${version === 'v1' ? 'v1 §8.3.2' : 'v2 §8.4.2'}. For browsers: the answer leads to pages, and these back to redirect_uri.`,
        querystring: Type.Object(querySchemas),
        response: { 302: Type.Null({ description: 'To a page, or back with an error.' }) }
      }
    },
    async (request, reply) => {
      const { parameters, twice } = readQuery(request.url)
      const party = await clientOf(parameters, twice)
      const client: OAuthClient = { provider: provider.id, audience, clientId: party.clientId }
      const toPage = (requestId: string) => protect(reply).redirect(`authorize/${requestId}`, 302)

      const requestUri = version === 'v2' ? parameters.request_uri : undefined
      if (requestUri !== undefined) {
        const opened = await oauth.openPushed(client, {
          requestUri,
          state: lenient('csc.state-beside-request-uri') ? readState(parameters) : null,
          binding: (requestId) => bindings.of(request, requestId)
        })
        if (opened === null) throw invalidParameter('request_uri')
        if (opened.binding !== null) bindings.keep(request, reply, opened.requestId, opened.binding)
        return toPage(opened.requestId)
      }

      const redirect = readRedirectUri(parameters, party)
      try {
        if (twice.length > 0) throw invalidRequest()
        const asked = await readAuthorization(parameters, redirect, {
          version,
          party,
          readAccountToken: oauth.readAccountToken,
          lenient,
          changes,
          acceptLanguage: request.headers['accept-language']
        })
        const { requestId, binding } = await oauth.open(client, asked)
        bindings.keep(request, reply, requestId, binding)
        return toPage(requestId)
      } catch (error) {
        const fault = error instanceof ServiceError ? faultOf(error, 'credentialID') : error
        if (!(fault instanceof CscFault) || fault.statusCode >= 500) throw error
        await refusals.record(...refusal(fault, request))
        request.log.info({ reason: fault.message }, 'an authorization request is sent back')
        return redirectBack(reply, { ...redirect, state: readState(parameters) }, fault, issuer)
      }
    }
  )

  app.setErrorHandler(async (error, request, reply) => {
    if (!(error instanceof CscFault) || !wantsPage(request)) throw error
    await refusals.record(...refusal(error, request))
    request.log.info({ reason: error.message }, 'an authorization request is refused')
    const { lang } = readQuery(request.url).parameters
    const setting = {
      provider,
      shared: place.shared(request),
      lang: preferredLanguage(lang, request.headers['accept-language'])
    }
    return sendPage(reply, 400, faultPage(setting, error))
  })
}
