import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { ownCredential } from '../own-credential.js'
import { parameter, text } from '../validation.js'
import { inV1Words, malformedForOtp } from './words.js'

const Body = Type.Object({
  credentialID: text('credentialID', { maxLength: 64 }),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})

/** `credentials/sendOTP`, CSC API v1 §11.8: for credentials that ask for a one-time code. */
export const sendOtp: ApiRoutes = async (app, { provider, audience, access, directory, factors }) => {
  app.post(
    '/credentials/sendOTP',
    {
      onRequest: requireToken(access, provider.id, audience, malformedForOtp),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v1'],
        summary: 'Send the subscriber a one-time code',
        description: 'CSC API v1 §11.8. Good for 5 minutes, for credentials/authorize of this credential.',
        body: Body,
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      const grant = grantOf(request)
      const { clientId } = grant
      const credential = await ownCredential({ directory, provider }, grant, request.body.credentialID)
      await factors
        .sendOtp({ provider: provider.id, clientId, credential })
        .catch(noCodeAsked)
        .catch(inV1Words)
      return reply.code(204).send(null)
    }
  )
}

/** A credential that asks for no code is not one for this call. */
function noCodeAsked(error: unknown): never {
  const none = error instanceof ServiceError && error.code === 'factor_required'
  throw none ? invalidRequest('Invalid parameter credentialID') : error
}
