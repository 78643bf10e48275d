import { Type } from 'typebox'
import { type Answer, call, detailOf, shaped } from './call.js'
import { type Complaint, complain } from './complaints.js'
import type { AuthorityOptions, SignerLogin } from './remote-authority.js'
import { Session } from './session.js'

const Tokens = Type.Object({ access_token: Type.String({ minLength: 1 }), refresh_token: Type.String() })
const Failure = Type.Object({ error: Type.String(), error_description: Type.Optional(Type.String()) })

/** Logins by password. The tokens are kept for as long as a request is asked after; the password is not. */
export function createVnptLogin({
  label,
  url,
  clientId,
  clientSecret
}: AuthorityOptions & { label: string }): (login: SignerLogin) => Promise<Session> {
  const client = { client_id: clientId, client_secret: clientSecret }
  const token = (form: Record<string, string>) =>
    call(label, `${url}/auth/token`, { form: { ...form, ...client } })

  return async ({ name, password }) => {
    if (password === null || password === '') throw complain(label, 'passwordMissing', 'no password')
    const scope = 'sign offline_access'
    const answer = await token({ grant_type: 'password', username: name, password, scope })
    if (answer.status !== 200) throw complain(label, complaintOf(label, answer), detailOf(answer))
    const tokens = shaped(label, Tokens, answer)
    let { refresh_token } = tokens
    return new Session(tokens.access_token, async () => {
      const renewed = await token({ grant_type: 'refresh_token', refresh_token })
      if (renewed.status !== 200) throw complain(label, 'loginAgain', detailOf(renewed))
      const next = shaped(label, Tokens, renewed)
      refresh_token = next.refresh_token
      return next.access_token
    })
  }
}

/** Whether a login is locked stands in the description alone. */
function complaintOf(label: string, answer: Answer): Complaint {
  const { error, error_description = '' } = shaped(label, Failure, answer)
  if (error === 'invalid_client') return 'clientRefused'
  if (error !== 'invalid_grant') return 'unexpected'
  if (/\block/i.test(error_description)) return 'loginLocked'
  return /one-time code/i.test(error_description) ? 'codeAsked' : 'passwordWrong'
}
