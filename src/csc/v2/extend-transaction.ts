import { Type } from 'typebox'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter, readNamedDigests } from '../digests.js'
import { ownCredential } from '../own-credential.js'
import { missing, parameter, text } from '../validation.js'
import { disabled } from './credentials-authorize.js'

const Body = Type.Object({
  SAD: parameter(Type.String({ minLength: 1, maxLength: 4096 }), {
    type: missing('string', 'SAD'),
    minLength: 'Invalid parameter SAD',
    maxLength: 'Invalid parameter SAD'
  }),
  credentialID: text('credentialID', { maxLength: 64 }),
  hashes: Type.Optional(hashesParameter),
  hashAlgorithmOID: Type.Optional(text('hashAlgorithmOID', { maxLength: 64 })),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Extended = Type.Object({
  SAD: Type.String({ description: 'Replaces the one that was sent.' }),
  expiresIn: Type.Integer({ description: 'Seconds.' })
})

/** `credentials/extendTransaction`, CSC API v2 §11.9. What was signed stays signed. */
export const extendTransaction: ApiRoutes = async (app, api) => {
  const { provider, audience, access, activations, lenient } = api
  const anyBase64 = lenient('csc.any-base64')
  app.post(
    '/credentials/extendTransaction',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'A new SAD in the place of one that has not expired',
        description: 'CSC API v2 §11.9. At SCAL 2 the hashes must be among those that were confirmed.',
        body: Body,
        response: { 200: Extended }
      }
    },
    async (request) => {
      const { body } = request
      const { SAD, credentialID } = body
      const grant = grantOf(request)
      const { scal } = await ownCredential(api, grant, credentialID)
      const digests = scal === '1' ? [] : readNamedDigests(body, anyBase64).digests
      const { sad, expiresInS } = await activations
        .extendSad({
          provider: provider.id,
          clientId: grant.clientId,
          credentialId: credentialID,
          sad: SAD,
          digests
        })
        .catch(disabled)
      return { SAD: sad, expiresIn: expiresInS }
    }
  )
}
