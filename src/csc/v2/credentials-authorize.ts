import { Type } from 'typebox'
import { descriptionMaxLength } from '../../activation/ask.js'
import { ServiceError } from '../../errors.js'
import { readHash } from '../algorithms.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter, readDigests } from '../digests.js'
import { CscFault, invalidRequest } from '../faults.js'
import { missing, parameter, text } from '../validation.js'
import { biometricObject } from './credential.js'

const Body = Type.Object({
  credentialID: text('credentialID', { maxLength: 64 }),
  numSignatures: parameter(Type.Integer({ minimum: 1, examples: [1] }), {
    type: missing('integer', 'numSignatures'),
    minimum: 'Invalid value for parameter numSignatures'
  }),
  hashes: hashesParameter,
  hashAlgorithmOID: text('hashAlgorithmOID', { maxLength: 64 }),
  authData: parameter(
    Type.Array(Type.Object({ id: Type.String({ maxLength: 64 }), value: Type.Optional(Type.Unknown()) }), {
      maxItems: 8,
      description: 'Names the out-of-band factor; it has no value, the phone answers.',
      examples: [[{ id: biometricObject.id }]]
    }),
    { type: missing('array', 'authData') }
  ),
  description: Type.Optional(
    parameter(Type.String({ maxLength: descriptionMaxLength }), { type: 'Invalid parameter description' })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})

const Pending = Type.Object({ handle: Type.String({ description: 'For credentials/authorizeCheck.' }) })

/**
 * `credentials/authorize`, CSC API v2 §11.6. The answer is always 202: nothing is authorized before the subscriber
 * has confirmed these digests on a registered device.
 */
export const credentialsAuthorize: ApiRoutes = async (app, { provider, audience, access, activations }) => {
  app.post(
    '/credentials/authorize',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Ask the subscriber to approve digests',
        description: 'CSC API v2 §11.6. Poll credentials/authorizeCheck with the handle.',
        body: Body,
        response: { 202: Pending }
      }
    },
    async (request, reply) => {
      const { credentialID, numSignatures, authData, description } = request.body
      const grant = grantOf(request)
      if (authData.length !== 1 || authData[0]?.id !== biometricObject.id) {
        throw new CscFault(400, 'invalid_authentication_data', 'The authentication data is invalid')
      }
      const hash = readHash(request.body.hashAlgorithmOID)
      const digests = readDigests(request.body.hashes, hash)
      if (digests.length !== numSignatures) throw invalidRequest('Invalid value for parameter numSignatures')
      const { id } = await activations
        .ask({
          provider: provider.id,
          clientId: grant.clientId,
          credentialId: credentialID,
          subscriberId: grant.subscriberId,
          hash,
          digests,
          numSignatures,
          documentNames: [],
          description: description ?? ''
        })
        .catch(disabled)
      return reply.code(202).send({ handle: id })
    }
  )
}

/** In this table an expired certificate is a disabled credential. */
function disabled(error: unknown): never {
  if (error instanceof ServiceError && error.code === 'certificate_expired') {
    throw new ServiceError('credential_unusable', error.message, { cause: error })
  }
  throw error
}
