import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { faultOf, invalidRequest } from '../faults.js'
import { parameter, text } from '../validation.js'
import { Reply } from './sign-hash.js'

const Body = Type.Object({
  requestID: text('requestID', { maxLength: 64 }),
  userID: Type.Optional(
    parameter(Type.String({ minLength: 1, maxLength: 128, description: 'The subscriber, by login.' }), {
      type: 'Invalid parameter "userID"'
    })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})

const Pending = Type.Object({ error: Type.String(), error_description: Type.String() })

/** `signatures/signPolling`, CSC API v2 §11.12: what signHash in operationMode A has promised. */
export const signPolling: ApiRoutes = async (app, { provider, audience, access, responses, directory }) => {
  app.post(
    '/signatures/signPolling',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'requestID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Fetch signatures that were asked for in operationMode A',
        description:
          'CSC API v2 §11.12. `requestID` is the responseID of signHash. May be repeated until its time is over.',
        body: Body,
        response: { 200: Reply, 202: Pending }
      }
    },
    async (request, reply) => {
      const { requestID, userID } = request.body
      const { clientId, subscriberId } = grantOf(request)
      if (subscriberId !== null && userID !== undefined)
        throw invalidRequest('userID parameter SHALL be null')
      const named = userID === undefined ? null : await directory.subscriberByLogin(provider.id, userID)
      if (userID !== undefined && named === null) throw invalidRequest('Invalid parameter "userID"')
      const found = await responses.find({
        provider: provider.id,
        clientId,
        subscriberId: subscriberId ?? named?.id ?? null,
        responseId: requestID
      })
      if (found === null) throw invalidRequest('Invalid parameter requestID')
      if (found.state === 'running')
        return reply.code(202).send({
          error: 'accepted_request',
          error_description: 'The previous async request has been accepted but not yet completed'
        })
      if (found.state === 'failed')
        throw faultOf(
          new ServiceError(
            found.again ? 'hsm_unavailable' : 'signature_uncertain',
            `response ${requestID} failed`
          ),
          'requestID'
        )
      return { signatures: found.signatures.map((signature) => Buffer.from(signature).toString('base64')) }
    }
  )
}
