import { Type } from 'typebox'
import type { Credential, CredentialAuth } from '../../enrolment/enrolment.js'
import type { Pki } from '../../pki/pki.js'
import { describeKeyAndCertificate, keyAndCertificate } from '../certificate-view.js'
import type { Lenient } from '../leniencies.js'
import { parameter } from '../validation.js'
import { authTermsOf } from './auth-objects.js'

/** Which parts of a credential a caller wants to see. Shared by credentials/list and credentials/info. */
export const viewParameters = {
  certificates: Type.Optional(
    parameter(Type.Enum(['none', 'single', 'chain'], { default: 'single' }), {
      type: 'Invalid parameter certificates'
    })
  ),
  certInfo: Type.Optional(
    parameter(Type.Boolean({ default: false }), { type: 'Invalid parameter certInfo' })
  ),
  authInfo: Type.Optional(
    parameter(Type.Boolean({ default: false }), { type: 'Invalid parameter authInfo' })
  ),
  lang: Type.Optional(parameter(Type.String({ maxLength: 35 }), { type: 'Invalid parameter lang' })),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
}

/** A credential as CSC API v2 §11.5 describes it. */
export const CredentialInfo = Type.Object({
  credentialID: Type.String(),
  ...keyAndCertificate,
  auth: Type.Object({
    mode: Type.String({ description: 'explicit | oauth2code' }),
    expression: Type.Optional(Type.String()),
    objects: Type.Optional(
      Type.Union([
        Type.Array(
          Type.Object({
            type: Type.String(),
            id: Type.String(),
            format: Type.Optional(Type.String()),
            label: Type.String(),
            description: Type.String()
          })
        ),
        Type.Null()
      ])
    )
  }),
  SCAL: Type.String(),
  multisign: Type.Integer(),
  lang: Type.String()
})

/** The view of one credential at `now`. */
export function describeCredential(
  credential: Credential,
  pki: Pki,
  now: Date,
  view: { certificates?: string; certInfo?: boolean; authInfo?: boolean },
  lenient: Lenient
) {
  return {
    credentialID: credential.id,
    ...describeKeyAndCertificate(credential, pki, now, view),
    auth: describeAuth(credential.auth, view.authInfo === true || lenient('csc.auth-always'), lenient),
    SCAL: credential.scal,
    multisign: credential.multisign,
    lang: 'vi'
  }
}

/** Real clients need `objects` also where authInfo was not asked for, and where the mode has none. */
function describeAuth(auth: CredentialAuth, whole: boolean, lenient: Lenient) {
  const terms = authTermsOf(auth)
  if (terms === null) return { mode: 'oauth2code', ...(lenient('csc.auth-always') ? { objects: null } : {}) }
  return {
    mode: 'explicit',
    ...(whole ? { expression: terms.expression, objects: terms.objects.map((one) => ({ ...one })) } : {})
  }
}
