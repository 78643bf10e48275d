import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { findSigner } from '../../dialect/signer.js'
import { callerOfBody } from './caller.js'
import { credentialIdOf } from './credential-id.js'
import { describeCertificate, describeKey, implicitDescription } from './credential-view.js'
import { clientFields, profileId, userId, writeNumber } from './fields.js'

const Body = Type.Object(
  {
    ...clientFields,
    profile_id: profileId,
    user_id: userId,
    certificates: Type.Optional(
      Type.Union([Type.Literal('chain'), Type.Literal('single'), Type.Literal('none')], { default: 'single' })
    ),
    certInfo: Type.Optional(Type.Boolean({ description: 'Names, serial number and dates as well' })),
    authInfo: Type.Optional(Type.Boolean({ description: 'Of no effect: what it asks for is always there' }))
  },
  {
    examples: [
      {
        client_id: 'dvctt',
        client_secret: 'dvctt-secret',
        profile_id: 'adss:ras:profile:001',
        user_id: 'CMT_0123456789',
        certificates: 'chain',
        certInfo: true,
        authInfo: true
      }
    ]
  }
)

/** `certificates/info` (§4.3): a bare array of the subscriber's credentials, usable ones first. */
export const certificatesInfo: DialectRoutes = async (app, { access, provider, quirk, ...deps }) => {
  app.post(
    '/vtss/service/certificates/info',
    {
      schema: {
        tags: ['Viettel MySign'],
        summary: 'Credentials of the subscriber that the token is for',
        body: Body,
        response: { 200: Type.Array(Type.Object({}, { additionalProperties: true })) }
      }
    },
    async (request) => {
      const { user_id, certificates = 'single', certInfo = false } = request.body
      const { subscriber } = await callerOfBody(request, { access, ...deps }, provider.id, request.body)
      const signer = await findSigner({ ...deps, quirk }, provider.id, user_id)
      if (signer?.subscriber.id !== subscriber.id)
        throw new ServiceError('not_found', 'the token is for another user', {
          says: 'The user id is not known, or the token is for another one.',
          field: 'user_id'
        })
      return signer.credentials.map((credential) => ({
        credential_id: credentialIdOf(credential),
        description: implicitDescription,
        key: describeKey(credential, deps.now(), quirk),
        cert: describeCertificate(credential, deps.pki, deps.now(), { certificates, certInfo }),
        authMode: 'implicit',
        multisign: writeNumber(credential.multisign, quirk),
        scal: writeNumber(Number(credential.scal), quirk)
      }))
    }
  )
}
