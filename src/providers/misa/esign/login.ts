import type { onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { DialectOptions, DialectRoutes } from '../../dialect/dialect.js'
import { callerOf, proveClient } from './client.js'
import { LoginAnswer, loginAnswer, secondFactor, success } from './login-envelope.js'
import { loginPaths, webdevPath } from './paths.js'
import { personFields } from './person.js'
import { openSession } from './session.js'
import { respell } from './spelling.js'

const userName = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'MISA ID: login of the subscriber'
})

const Login = Type.Object(
  { userName, password: Type.String({ minLength: 1, maxLength: 256 }) },
  { examples: [{ userName: 'binh.le@example.vn', password: 'misa-demo' }] }
)
const SecondFactor = Type.Object(
  {
    userName,
    code: Type.String({ minLength: 1, maxLength: 16, description: 'The one-time code' }),
    otpType: Type.Integer({
      minimum: 0,
      maximum: 1,
      description: '0: by text or e-mail; 1: of an authenticator app'
    }),
    remember: Type.Optional(Type.Boolean({ description: 'Accepted; no device is remembered' }))
  },
  { examples: [{ userName: 'binh.le@example.vn', code: '123456', otpType: 0, remember: false }] }
)
const Resend = Type.Object(
  { userName, language: Type.Optional(Type.String({ maxLength: 16, description: 'vi-VN or en-US' })) },
  { examples: [{ userName: 'binh.le@example.vn', language: 'vi-VN' }] }
)

const tags = ['MISA eSign']
const response = { 200: LoginAnswer }

/** Login with a MISA ID, its second factor, and another code (§5.2). Refusals tell nothing of which names exist (I6). */
export const login: DialectRoutes = async (app, options) => {
  const { access, logins, provider } = options

  /** What a login answers once the person is proved. */
  async function answerFor(clientId: string, person: Parameters<typeof personFields>[0]) {
    const session = await openSession(access, { provider: provider.id, clientId, subscriberId: person.id })
    return loginAnswer(success, { ...session, tokenType: 'Bearer', ...personFields(person) })
  }

  for (const { path, atRoot } of loginPaths('login-api')) {
    app.post(
      path,
      {
        schema: { tags, summary: 'Log in with a MISA ID', body: Login, response },
        onRequest: [...(atRoot ? [refuseAtSandbox(options)] : []), proveClient(options, { bare: false })],
        preValidation: respell('body', { userName: null, password: null })
      },
      async (request) => {
        const { clientId } = callerOf(request).party
        const by = { provider: provider.id, clientId }
        const { userName: login, password } = request.body
        try {
          return await answerFor(clientId, await logins.verify({ ...by, login, password }))
        } catch (error) {
          if (error instanceof ServiceError && error.code === 'second_factor_required')
            return loginAnswer(secondFactor, null)
          throw wrong('password', error)
        }
      }
    )
  }

  for (const { path, atRoot } of loginPaths('two-factor-auth')) {
    app.post(
      path,
      {
        schema: { tags, summary: 'Prove the second factor', body: SecondFactor, response },
        onRequest: [...(atRoot ? [refuseAtSandbox(options)] : []), proveClient(options, { bare: true })],
        preValidation: respell('body', { userName: null, code: null, otpType: null, remember: null })
      },
      async (request) => {
        const { party, findings } = callerOf(request)
        const { userName: login, code, otpType } = request.body
        if (otpType !== 0)
          findings.forgive({
            code: 'otp_type_not_sent',
            field: 'otpType',
            found: 'otpType 1 was sent, and nobody here has an authenticator app.',
            remedy: 'Send otpType 0 with the code that was sent to the subscriber.'
          })
        const by = { provider: provider.id, clientId: party.clientId, login, code }
        const person = await logins.verifyCode(by).catch((error: unknown) => {
          throw wrong('code', error)
        })
        return answerFor(party.clientId, person)
      }
    )
  }

  app.post(
    webdevPath('resend-otp-auth'),
    {
      schema: { tags, summary: 'Send another one-time code', body: Resend, response },
      onRequest: proveClient(options, { bare: true }),
      preValidation: respell('body', { userName: null, language: null })
    },
    async (request) => {
      const { clientId } = callerOf(request).party
      const { userName: login } = request.body
      await logins.sendCode({ provider: provider.id, clientId, login })
      return loginAnswer(success, { user: { username: login } })
    }
  )
}

/** The sandbox knows login under `/webdev` alone (§5.1): refused before anything is looked at. */
function refuseAtSandbox({
  mannersOf,
  quirk
}: Pick<DialectOptions, 'mannersOf' | 'quirk'>): onRequestAsyncHookHandler {
  return async ({ headers }) => {
    if (mannersOf(headers.host) !== 'sandbox' || !quirk('misa.sandbox-root-405')) return
    throw new ServiceError('method_unknown', 'login at the root of the sandbox', {
      says: 'On the sandbox, login is under /webdev/api/auth alone.'
    })
  }
}

/** Says which secret was wrong, so that it is told from a wrong client key. */
function wrong(field: 'password' | 'code', error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.code !== 'authentication_failed') return error
  const says =
    field === 'password'
      ? 'The userName is unknown or the password is wrong.'
      : 'The code is wrong, used or expired, or no login waits for one.'
  return new ServiceError('authentication_failed', error.message, { cause: error, field, says })
}
