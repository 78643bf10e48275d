import { Type } from 'typebox'
import type { Credential, CredentialAuth } from '../../enrolment/enrolment.js'
import { grantOf, requireToken } from '../bearer.js'
import { describeKeyAndCertificate, keyAndCertificate } from '../certificate-view.js'
import type { ApiRoutes } from '../deps.js'
import { ownCredential } from '../own-credential.js'
import { type Language, languageOf } from '../presentation.js'
import { parameter, text } from '../validation.js'
import { malformedText } from './words.js'

const Body = Type.Object({
  credentialID: text('credentialID', { maxLength: 64 }),
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
})
const Factor = Type.Object({
  presence: Type.String({ description: '"true" or "false"' }),
  type: Type.Optional(Type.String()),
  format: Type.Optional(Type.String({ description: 'A or N' })),
  label: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  ID: Type.Optional(Type.String())
})
const Reply = Type.Object({
  ...keyAndCertificate,
  authMode: Type.String({ description: 'implicit, explicit or oauth2code' }),
  PIN: Type.Optional(Factor),
  OTP: Type.Optional(Factor),
  SCAL: Type.String(),
  multisign: Type.Integer(),
  lang: Type.String()
})

const authModes: Readonly<Record<CredentialAuth, string>> = {
  phone: 'implicit',
  pin: 'explicit',
  otp: 'explicit',
  oauth2code: 'oauth2code'
}
const labels = {
  vi: {
    pin: ['Mã PIN', 'Mã PIN của chứng thư; sau đó xác nhận trên điện thoại.'],
    otp: ['Mã dùng một lần', 'Mã được gửi tới người ký; sau đó xác nhận trên điện thoại.']
  },
  en: {
    pin: ['PIN', 'The PIN of the credential; the phone asks for confirmation after that.'],
    otp: ['One-time code', 'A code is sent to the signer; the phone asks for confirmation after that.']
  }
} as const

/** `credentials/info`, CSC API v1 §11.5. */
export const credentialsInfo: ApiRoutes = async (
  app,
  { provider, audience, access, directory, pki, now }
) => {
  app.post(
    '/credentials/info',
    {
      onRequest: requireToken(access, provider.id, audience, malformedText),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v1'],
        summary: 'One credential: key, certificate, how it is authorized',
        description: 'CSC API v1 §11.5.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { credentialID, authInfo, lang, ...view } = request.body
      const credential = await ownCredential({ directory, provider }, grantOf(request), credentialID)
      const language = languageOf(lang)
      return {
        ...describeKeyAndCertificate(credential, pki, now(), view),
        authMode: authModes[credential.auth],
        ...(authInfo === true ? factorGroups(credential, language) : {}),
        SCAL: credential.scal,
        multisign: credential.multisign,
        lang: language
      }
    }
  )
}

/** The groups PIN and OTP of a credential in mode explicit; what is not asked for says no more than that. */
function factorGroups({ auth }: Credential, lang: Language) {
  if (auth !== 'pin' && auth !== 'otp') return {}
  const [label, description] = labels[lang][auth]
  const asked = { presence: 'true', label, description }
  const notAsked = { presence: 'false' }
  return auth === 'pin'
    ? { PIN: { ...asked, format: 'A' }, OTP: notAsked }
    : { PIN: notAsked, OTP: { ...asked, type: 'online', format: 'N', ID: 'OTP' } }
}
