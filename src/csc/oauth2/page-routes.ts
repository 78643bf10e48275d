import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Authorization, InBrowser } from '../../access/oauth/oauth.js'
import { type ErrorCode, ServiceError } from '../../errors.js'
import type { ApiRoutes } from '../deps.js'
import { CscFault, faultOf } from '../faults.js'
import { createBindings, isProof, proofOf } from './binding.js'
import { isForeign, protect, redirectBack, sendPage } from './browser.js'
import { hasNul, type Parameters, takeForms } from './form.js'
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
import { sharedPath } from './shared-path.js'
import { tagOf, versionOf } from './version.js'

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

/** The pages of one authorization request, in the browser that opened it: anywhere else there is nothing to see. */
export const authorizationPages: ApiRoutes = async (app, api) => {
  const { provider, base, audience, oauth, now } = api
  const version = versionOf(audience)
  const bindings = createBindings(base)
  const shared = sharedPath(base)
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  takeForms(app, formLimit)
  const tags = [tagOf(version)]

  const place = (request: FastifyRequest): InBrowser & { binding: string | null } => {
    const { requestId } = request.params as { requestId: string }
    return { provider: provider.id, audience, requestId, binding: bindings.of(request, requestId) }
  }
  const settingFor = (request: FastifyRequest, asked: Language | undefined): Setting => {
    const { lang } = request.query as { lang?: unknown }
    const named = typeof lang === 'string' ? lang : asked
    return { provider, shared, lang: preferredLanguage(named, request.headers['accept-language']) }
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
    '/oauth2/authorize/:requestId',
    {
      schema: {
        tags,
        summary: 'A page for a person',
        description: 'Opened by oauth2/authorize, in the same browser.',
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
    '/oauth2/authorize/:requestId',
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
    '/oauth2/authorize/:requestId/status',
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
      const left = new AbortController()
      reply.raw.once('close', () => left.abort())
      await oauth.changed(found, statusWaitMs, AbortSignal.any([left.signal, closing.signal]))
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
    '/oauth2/authorize/:requestId/answer',
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
      const answer = await oauth.answer(at)
      // Another tab was quicker, or it was opened too early.
      if (answer === null) return protect(reply).redirect(`../${at.requestId}`, 303)
      const { asked, code, refusal } = answer
      const back = code === null ? refusedBy(refusal ?? 'internal') : { code }
      return redirectBack(reply, asked, back, version === 'v2' ? base : null)
    }
  )

  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof CscFault || (error.statusCode ?? 500) < 500) return gone(request, reply)
    throw error
  })
}

/** Why a request came to nothing, in the words of the standard. */
function refusedBy(code: ErrorCode): CscFault {
  const fault = faultOf(new ServiceError(code, 'an authorization request was refused'), 'credentialID')
  return fault.statusCode === 202 ? faultOf(new ServiceError('internal', code), 'credentialID') : fault
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
