import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { describeCertificate, describeKey, implicitDescription } from '../mysign/credential-view.js'
import { numberText, writeNumber } from '../mysign/fields.js'
import { readSpelled } from '../mysign/members.js'
import { namedCredential } from './credential.js'
import { credentialName, exampleCredentialId } from './fields.js'

const Body = Type.Object(
  {
    credentialID: credentialName,
    certificates: Type.Optional(
      Type.Union([Type.Literal('chain'), Type.Literal('single'), Type.Literal('none')], { default: 'single' })
    ),
    certInfo: Type.Optional(Type.Boolean({ description: 'Names, serial number and dates as well' })),
    authInfo: Type.Optional(Type.Boolean({ description: 'PIN and OTP, neither of which is asked for' }))
  },
  { examples: [{ credentialID: exampleCredentialId, certificates: 'chain', certInfo: true, authInfo: true }] }
)
const Factor = Type.Optional(Type.Object({ presence: Type.String() }))
const Open = Type.Object({}, { additionalProperties: true })

/** `credentials/info` (§4.4). */
export const credentialsInfo: DialectRoutes = async (app, { access, provider, pki, quirk, ...deps }) => {
  app.post(
    '/csc/v1/credentials/info',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'One credential: key, certificate, how it is authorized',
        body: Body,
        response: {
          200: Type.Object({
            description: Type.String(),
            key: Open,
            cert: Open,
            PIN: Factor,
            OTP: Factor,
            authMode: Type.String(),
            SCAL: Type.String(),
            multisign: numberText,
            lang: Type.String()
          })
        }
      }
    },
    async (request) => {
      const caller = await callerOfEitherToken(request, { access }, provider.id)
      const { certificates = 'single', certInfo = false, authInfo = false } = request.body
      const name = readSpelled(request.body, 'credentialID', caller.findings)
      const { credential } = await namedCredential({ ...deps, quirk }, caller, name)
      const notAsked = { presence: 'false' }
      return {
        description: implicitDescription,
        key: describeKey(credential, deps.now(), quirk),
        cert: describeCertificate(credential, pki, deps.now(), { certificates, certInfo }),
        ...(authInfo ? { PIN: notAsked, OTP: notAsked } : {}),
        authMode: 'implicit',
        SCAL: credential.scal,
        multisign: writeNumber(credential.multisign, quirk),
        lang: 'vi'
      }
    }
  )
}
