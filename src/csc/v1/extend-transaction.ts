import { Type } from 'typebox'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter } from '../digests.js'
import { ownCredential } from '../own-credential.js'
import { parameter, text } from '../validation.js'
import { readUnnamedDigests } from './digests.js'
import { sadParameter } from './sign-hash.js'
import { inV1Words, requiredText } from './words.js'

const Body = Type.Object({
  SAD: sadParameter,
  credentialID: text('credentialID', { maxLength: 64 }),
  hash: Type.Optional(hashesParameter),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Reply = Type.Object({
  SAD: Type.String({ description: 'In the place of the one before.' }),
  expiresIn: Type.Integer({ description: 'Seconds.' })
})

/** `credentials/extendTransaction`, CSC API v1 §11.7: what a SAD needs between two calls of signHash. */
export const extendTransaction: ApiRoutes = async (
  app,
  { provider, audience, access, activations, directory, lenient }
) => {
  app.post(
    '/credentials/extendTransaction',
    {
      onRequest: requireToken(access, provider.id, audience, requiredText),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v1'],
        summary: 'Renew a SAD between two calls of signHash',
        description:
          'CSC API v1 §11.7. What is signed already stays counted; hashes must be among those that were confirmed.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { SAD, credentialID, hash } = request.body
      const grant = grantOf(request)
      const { clientId, subscriberId } = grant
      const { digests } = readUnnamedDigests(hash ?? [], lenient('csc.any-base64'))
      if (subscriberId !== null) await ownCredential({ directory, provider }, grant, credentialID)
      const { sad, expiresInS } = await activations
        .extendSad({ provider: provider.id, clientId, credentialId: credentialID, sad: SAD, digests })
        .catch(inV1Words)
      return { SAD: sad, expiresIn: expiresInS }
    }
  )
}
