import { Type } from 'typebox'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { ownCredential } from '../own-credential.js'
import { missing, parameter, text } from '../validation.js'
import { isChallenged } from './auth-objects.js'
import { disabled } from './credentials-authorize.js'

const Body = Type.Object({
  credentialID: text('credentialID', { maxLength: 64 }),
  authObjectID: parameter(Type.String({ minLength: 1, maxLength: 64, examples: ['OTP'] }), {
    type: missing('string', 'authObjectID'),
    minLength: 'Invalid parameter authObjectID',
    maxLength: 'Invalid parameter authObjectID'
  }),
  lang: Type.Optional(parameter(Type.String({ maxLength: 35 }), { type: 'Invalid parameter lang' })),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})

/** `credentials/getChallenge`, CSC API v2 §11.8: a one-time code is sent to the subscriber, never shown here. */
export const getChallenge: ApiRoutes = async (app, api) => {
  const { provider, audience, access, factors } = api
  app.post(
    '/credentials/getChallenge',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Send the subscriber a one-time code',
        description:
          'CSC API v2 §11.8. For objects of type ChallengeResponse, which credentials with auth otp have.',
        body: Body,
        response: { 204: Type.Null({ description: 'Sent.' }) }
      }
    },
    async (request, reply) => {
      const { credentialID, authObjectID } = request.body
      const grant = grantOf(request)
      const credential = await ownCredential(api, grant, credentialID)
      if (!isChallenged(credential.auth, authObjectID)) throw invalidRequest('Invalid parameter authObjectID')
      await factors.sendOtp({ provider: provider.id, clientId: grant.clientId, credential }).catch(disabled)
      return reply.code(204).send(null)
    }
  )
}
