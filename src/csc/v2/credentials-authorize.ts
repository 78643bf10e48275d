import { Type } from 'typebox'
import { descriptionMaxLength } from '../../activation/ask.js'
import { ServiceError } from '../../errors.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter, readNamedDigests } from '../digests.js'
import { invalidRequest } from '../faults.js'
import { ownCredential } from '../own-credential.js'
import { missing, parameter, text } from '../validation.js'
import { authTermsOf, biometricObject, factorsIn, readAuthData } from './auth-objects.js'

const Body = Type.Object({
  credentialID: text('credentialID', { maxLength: 64 }),
  numSignatures: parameter(Type.Integer({ minimum: 1, examples: [1] }), {
    type: missing('integer', 'numSignatures'),
    minimum: 'Invalid value for parameter numSignatures'
  }),
  hashes: Type.Optional(hashesParameter),
  hashAlgorithmOID: Type.Optional(text('hashAlgorithmOID', { maxLength: 64 })),
  authData: Type.Optional(
    parameter(
      Type.Array(
        Type.Object({
          id: Type.String({ maxLength: 64 }),
          value: Type.Optional(Type.String({ maxLength: 128 }))
        }),
        {
          maxItems: 8,
          description: 'The factors of `auth.objects`; those out of band have no value, the phone answers.',
          examples: [[{ id: biometricObject.id }]]
        }
      ),
      { type: missing('array', 'authData') }
    )
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
 * has confirmed on a registered device.
 */
export const credentialsAuthorize: ApiRoutes = async (app, api) => {
  const { provider, audience, access, activations, lenient } = api
  const anyBase64 = lenient('csc.any-base64')
  app.post(
    '/credentials/authorize',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Ask the subscriber to approve digests, or a number of signatures where SCAL is 1',
        description: 'CSC API v2 §11.6. Poll credentials/authorizeCheck with the handle.',
        body: Body,
        response: { 202: Pending }
      }
    },
    async (request, reply) => {
      const { body } = request
      const { credentialID, numSignatures, authData, description } = body
      const grant = grantOf(request)
      const credential = await ownCredential(api, grant, credentialID)
      // At SCAL 1 the SAD is not tied to hashes (§11.5): the device shows how many, and until when.
      const named = credential.scal === '1' ? { hash: null, digests: [] } : readNamedDigests(body, anyBase64)
      const terms = authTermsOf(credential.auth)
      const { id } = await activations
        .ask({
          provider: provider.id,
          clientId: grant.clientId,
          credentialId: credentialID,
          subscriberId: grant.subscriberId,
          ...named,
          numSignatures,
          factors() {
            if (terms === null) return {}
            if (authData === undefined) throw invalidRequest(missing('array', 'authData'))
            return factorsIn(readAuthData(terms, authData))
          },
          documentNames: [],
          description: description ?? ''
        })
        .catch(disabled)
      return reply.code(202).send({ handle: id })
    }
  )
}

/** In this table an expired certificate is a disabled credential. */
export function disabled(error: unknown): never {
  if (error instanceof ServiceError && error.code === 'certificate_expired') {
    throw new ServiceError('credential_unusable', error.message, { cause: error })
  }
  throw error
}
