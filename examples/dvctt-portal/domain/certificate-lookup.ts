/** "Lấy thông tin": the certificate that a signer would sign with, as it is registered. */
import {
  AuthorityError,
  type RemoteAuthority,
  type SignerCertificate,
  type SignerLogin
} from '../authorities/remote-authority.js'
import type { DraftMember } from './draft.js'
import { registered } from './people.js'
import { Refusal } from './refusal.js'
import { acceptableKey, authorityNamed, namesOrganisationAndTitle, validNow } from './rules.js'

/**
 * Checks what was typed in against what the provider asks for.
 * @throws Refusal, also for a provider that is not served (R3).
 */
export function readLogin(
  authorities: readonly RemoteAuthority[],
  typed: { authority: string; login: string; password: string }
): { authority: RemoteAuthority; login: SignerLogin } {
  const authority = authorityNamed(authorities, typed.authority)
  if (typed.login === '')
    throw new Refusal('form', `Hãy nhập tên đăng nhập cts, ví dụ ${authority.loginExample}.`)
  if (authority.asksPassword && typed.password === '')
    throw new Refusal('form', `${authority.label} hỏi mật khẩu. Hãy nhập mật khẩu cts.`)
  return { authority, login: { name: typed.login, password: authority.asksPassword ? typed.password : null } }
}

/** The member with what the provider says, or with a sentence about why there is nothing. */
export async function lookUp(
  member: DraftMember,
  password: string,
  authorities: readonly RemoteAuthority[],
  now: Date
): Promise<DraftMember> {
  try {
    const { authority, login } = readLogin(authorities, { ...member, password })
    const certificate = firstUsable(await authority.certificates(login), now)
    const found = { authority: authority.id, login: login.name, certificate: registered(certificate) }
    return { ...member, found, fault: null }
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof AuthorityError)) throw error
    return { ...member, found: null, fault: error.message }
  }
}

/** @throws Refusal that says what is wrong with the first, where none will do. */
function firstUsable(offered: readonly SignerCertificate[], now: Date): SignerCertificate {
  let reason = new Refusal(
    'R7',
    'Nhà cung cấp không có chứng thư số nào cho tên đăng nhập này. Hãy liên hệ nhà cung cấp.'
  )
  for (const [index, certificate] of offered.entries()) {
    try {
      acceptableKey(certificate)
      validNow(certificate, now)
      namesOrganisationAndTitle(certificate)
      return certificate
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (index === 0) reason = error
    }
  }
  throw reason
}
