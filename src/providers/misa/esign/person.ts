import type { Subscriber } from '../../../enrolment/enrolment.js'

/** What a login tells of the person (MS-DOC §4.11, §4.12). */
export function personFields({ id, email, phone, fullName, login, secondFactor }: Subscriber) {
  const asked = secondFactor === 'code'
  return {
    user: { id, email, phoneNumber: phone, ...names(fullName), username: login },
    /** Where a one-time code goes. */
    default: {
      email: asked && phone === null && email !== null,
      phoneNumber: asked && phone !== null,
      appAuthenticator: false
    },
    verifyUser: { emailsVerify: email !== null, phoneNumberIsVerify: phone !== null, isChangePassword: false }
  }
}

/** Family and middle names, and the given name, which comes last. */
function names(fullName: string): { firstName: string; lastName: string } {
  const at = fullName.lastIndexOf(' ')
  return { firstName: fullName.slice(0, Math.max(at, 0)), lastName: fullName.slice(at + 1) }
}
