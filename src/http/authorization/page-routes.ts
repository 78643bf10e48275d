import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Authorization, Authorizations, InBrowser } from '../../access/oauth/oauth.js'
import type { Clock } from '../../clock.js'
import { type ErrorCode, ServiceError } from '../../errors.js'
import { hasNul, type Parameters, takeForms } from '../form.js'
import { untilGone } from '../gone.js'
import { createBindings, isProof, proofOf } from './binding.js'
import { isForeign, protect, type RedirectedError, redirectBack, sendPage } from './browser.js'
import { type Language, preferredLanguage } from './language.js'
import type { Setting } from './pages/layout.js'
import {
  answeredPage,
  codePage,
  gonePage,
  loginPage,
  phonePage,
  returningPage,
  type Step
} from './pages/steps.js'
import { type Texts, texts } from './pages/texts.js'
import type { PagePlace, PagesProvider } from './place.js'

/** The longest form that a page sends, in octets. */
const formLimit = 8 * 1024
/** How long the script of a page waits for one answer. */
const statusWaitMs = 20_000

const Params = Type.Object({ requestId: Type.String({ maxLength: 64 }) })
/** `lang`: of the page, against that of the request. */
const Query = Type.Object({ lang: Type.Optional(Type.Unknown()) })
const Form = Type.Object({
  action: Type.Optional(
    Type.String({ description: 'login, code, send-code or cancel', examples: ['login'] })
  ),
  proof: Type.Optional(Type.String()),
  login: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  code: Type.Optional(Type.String())
})
const Status = Type.Object({ status: Type.String() })

/** One API whose relying parties send people to the provider's pages. */
export interface AuthorizationPages {
  provider: PagesProvider
  /** What codes and tokens are issued for. */
  audience: string
  oauth: Authorizations
  now: Clock
  place: PagePlace
  /** Path of the authorization endpoint within this scope, such as `/oauth2/authorize`. */
  path: string
  /** Under which the pages are listed in the API description. */
  tag: string
  /** For `iss` beside the answer (RFC 9207); null: the API does not know it. */
  issuer: string | null
  /** Why a request came to nothing, in the words of the API. */
  refusedBy: (code: ErrorCode) => RedirectedError
  /** How long a code lives, in seconds; by default as long as the engine has it. */
  codeTtlS?: number
}

/** The pages of one authorization request, in the browser that opened it: anywhere else there is nothing to see. */
export const authorizationPages: FastifyPluginAsyncTypebox<AuthorizationPages> = async (app, api) => {
  const { provider, audience, oauth, now, place: pages, path, tag } = api
  const bindings = createBindings(pages)
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  takeForms(app, formLimit)
  const tags = [tag]

  const place = (request: FastifyRequest): InBrowser & { binding: string | null } => {
    const { requestId } = request.params as { requestId: string }
    return { provider: provider.id, audience, requestId, binding: bindings.of(request, requestId) }
  }
  const settingFor = (request: FastifyRequest, asked: Language | undefined): Setting => {
    const { lang } = request.query as { lang?: unknown }
    const named = typeof lang === 'string' ? lang : asked
    const shown = preferredLanguage(named, request.headers['accept-language'])
    return { provider, shared: pages.shared(request), lang: shown }
  }
  const gone = (request: FastifyRequest, reply: FastifyReply) =>
    sendPage(reply, 404, gonePage(settingFor(request, undefined)))

  /** The page for how it stands. */
  function show(
    request: FastifyRequest,
    reply: FastifyReply,
    authorization: Authorization,
    more: Pick<Step, 'fault' | 'notice' | 'login'> & { status?: number } = {}
  ): FastifyReply {
    const { status = 200, ...rest } = more
    const { binding } = place(request)
    const step: Step = {
      ...{ ...settingFor(request, authorization.asked.lang), authorization, ...rest },
      proof: proofOf(binding ?? '')
    }
    const send = (page: ReturnType<typeof loginPage>) => sendPage(reply, status, page)
    switch (authorization.status) {
      case 'login':
        return send(loginPage(step))
      case 'code':
        return send(codePage(step))
      case 'phone': {
        const end = authorization.activation?.expiresAt ?? authorization.expiresAt
        return send(phonePage(step, Math.max(0, Math.ceil((end.getTime() - now().getTime()) / 1000))))
      }
      case 'approved':
      case 'denied':
        return send(returningPage(step))
      case 'answered':
        return send(answeredPage(step))
    }
  }

  /** To the page itself, so that reloading it sends nothing again. */
  const onward = (request: FastifyRequest, reply: FastifyReply, authorization: Authorization) =>
    protect(reply).redirect(
      `${authorization.id}?lang=${settingFor(request, authorization.asked.lang).lang}`,
      303
    )

  app.get(
    `${path}/:requestId`,
    {
      schema: {
        tags,
        summary: 'A page for a person',
        description: 'Opened by the authorization endpoint, in the same browser.',
        params: Params,
        querystring: Query
      }
    },
    async (request, reply) => {
      const authorization = await oauth.find(place(request))
      return authorization === null ? gone(request, reply) : show(request, reply, authorization)
    }
  )

  app.post(
    `${path}/:requestId`,
    {
      schema: {
        tags,
        summary: 'The form of that page',
        description: 'Taken from the page alone.',
        consumes: ['application/x-www-form-urlencoded'],
        params: Params,
        querystring: Query,
        body: Form
      }
    },
    async (request, reply) => {
      const at = place(request)
      const form = request.body as Parameters
      const before = await oauth.find(at)
      const ours = at.binding !== null && isProof(form.proof, at.binding) && !isForeign(request)
      if (before === null || !ours || hasNul(form)) return gone(request, reply)
      const said = texts[settingFor(request, before.asked.lang).lang]
      try {
        const notice = await take(at, form, said)
        const after = await oauth.find(at)
        if (after === null) return gone(request, reply)
        return notice === null ? onward(request, reply, after) : show(request, reply, after, { notice })
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error
        const after = await oauth.find(at)
        if (after === null) return gone(request, reply)
        // Somebody went on in another tab: the page says how it stands.
        if (error.code === 'not_found') return onward(request, reply, after)
        const fault = faultText(error, after, said)
        if (fault === null) throw error
        request.log.info({ reason: error.message }, 'a login was refused')
        const { login = '' } = form
        return show(request, reply, after, { fault, login, status: statusOf(error.code) })
      }
    }
  )

  /** @returns What to tell the person; null: the next page does. */
  async function take(at: InBrowser, form: Parameters, said: Texts): Promise<string | null> {
    const { action, login = '', password = '', code = '' } = form
    switch (action) {
      case 'login':
        await oauth.logIn(at, { login: login.trim(), password })
        return null
      case 'code':
        await oauth.enterCode(at, code.replaceAll(/\s/g, ''))
        return null
      case 'send-code':
        await oauth.sendCode(at)
        return said.sentAgain
      case 'cancel':
        await oauth.deny(at)
        return null
      default:
        return null
    }
  }

  app.get(
    `${path}/:requestId/status`,
    {
      schema: {
        tags,
        summary: 'How the request stands',
        description: 'For the script of the page; waits up to 20 s while the phone has not answered.',
        params: Params,
        response: { 200: Status }
      }
    },
    async (request, reply) => {
      const at = place(request)
      const found = await oauth.find(at)
      if (found?.status !== 'phone') return statusAnswer(reply, found)
      await oauth.changed(found, statusWaitMs, AbortSignal.any([untilGone(reply), closing.signal]))
      return statusAnswer(reply, await oauth.find(at))
    }
  )

  function statusAnswer(reply: FastifyReply, found: Authorization | null): FastifyReply {
    protect(reply)
    return found === null
      ? reply.code(404).send({ status: 'gone' })
      : reply.code(200).send({ status: found.status })
  }

  app.get(
    `${path}/:requestId/answer`,
    {
      schema: {
        tags,
        summary: 'Back to the relying party',
        description: 'With a code or an error, once.',
        params: Params,
        querystring: Query
      }
    },
    async (request, reply) => {
      const at = place(request)
      const found = await oauth.find(at)
      if (found === null) return gone(request, reply)
      const answer = await oauth.answer(at, api.codeTtlS)
      // Another tab was quicker, or it was opened too early.
      if (answer === null) return protect(reply).redirect(`../${at.requestId}`, 303)
      const { asked, code, refusal } = answer
      const back = code === null ? api.refusedBy(refusal ?? 'internal') : { code }
      return redirectBack(reply, asked, back, api.issuer)
    }
  )

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const unread = error instanceof ServiceError && error.code === 'request_invalid'
    if (unread || (error.statusCode ?? 500) < 500) return gone(request, reply)
    throw error
  })
}

/** What a person is told of what was entered; null: it is not about that. */
function faultText(
  { code, retryAfterS }: ServiceError,
  { status }: Authorization,
  said: Texts
): string | null {
  switch (code) {
    case 'authentication_failed':
      return status === 'code' ? said.wrongCode : said.wrongLogin
    case 'login_locked':
      return said.locked(retryAfterS)
    case 'too_many_requests':
      return said.tooMany
    case 'not_offered':
      return said.notOffered
    case 'database_unavailable':
    case 'hsm_unavailable':
    case 'hsm_busy':
      return said.unavailable
    default:
      return null
  }
}

const statusOf = (code: ErrorCode): number =>
  code === 'login_locked' || code === 'too_many_requests' ? 429 : code === 'authentication_failed' ? 401 : 503
