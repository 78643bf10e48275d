import { Type } from 'typebox'
import { type Answer, detailOf, shaped } from './call.js'
import { type Complaint, complain } from './complaints.js'
import type { SignerLogin } from './remote-authority.js'
import { Session } from './session.js'

/** The sandbox answers logins only here; production here as well as at the root. */
const loginPath = '/webdev/api/auth/api/v1/auth'

const Tokens = Type.Object({
  remoteSigningAccessToken: Type.String({ minLength: 1 }),
  refreshToken: Type.String()
})
const LoginAnswer = Type.Object({
  status: Type.Object({ errorCode: Type.Optional(Type.Union([Type.Integer(), Type.Null()])) }),
  data: Type.Union([Tokens, Type.Null()])
})

/** Failures of a login by their number. */
const complaints: Readonly<Record<number, Complaint>> = {
  122: 'codeAsked',
  401: 'clientRefused',
  1000: 'passwordWrong',
  1003: 'loginLocked'
}

/**
 * Logins of a MISA ID. Of the tokens that one answers, the remote signing token is kept and renewed; the password is not.
 * @param post Calls with the headers of the client.
 */
export function createMisaLogin(
  label: string,
  post: (path: string, json: object) => Promise<Answer>
): (login: SignerLogin) => Promise<Session> {
  return async ({ name, password }) => {
    if (password === null || password === '') throw complain(label, 'passwordMissing', 'no password')
    const answer = await post(`${loginPath}/login-api`, { userName: name, password })
    const { status, data } = shaped(label, LoginAnswer, answer)
    if (data === null) {
      const complaint = complaints[status.errorCode ?? 0] ?? 'unexpected'
      throw complain(label, complaint, detailOf(answer))
    }
    let { refreshToken } = data
    return new Session(data.remoteSigningAccessToken, async () => {
      const renewed = await post(`${loginPath}/refreshtoken`, { refreshToken })
      if (renewed.status !== 200) throw complain(label, 'loginAgain', detailOf(renewed))
      const tokens = shaped(label, Tokens, renewed)
      refreshToken = tokens.refreshToken
      return tokens.remoteSigningAccessToken
    })
  }
}
