import { Type } from 'typebox'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { text } from '../validation.js'
import { CredentialInfo, describeCredential, viewParameters } from './credential.js'

const Body = Type.Object({ credentialID: text('credentialID', { maxLength: 64 }), ...viewParameters })

/** `credentials/info`, CSC API v2 §11.5. */
export const credentialsInfo: ApiRoutes = async (
  app,
  { provider, audience, access, directory, pki, now }
) => {
  app.post(
    '/credentials/info',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'One credential: key, certificate, how it is authorized',
        description: 'CSC API v2 §11.5.',
        body: Body,
        response: { 200: CredentialInfo }
      }
    },
    async (request) => {
      const { credentialID, ...view } = request.body
      const { subscriberId } = grantOf(request)
      const credential = await directory.credential(credentialID)
      const owned = subscriberId === null || credential?.subscriberId === subscriberId
      if (credential?.provider !== provider.id || !owned)
        throw invalidRequest('Invalid parameter credentialID')
      return describeCredential(credential, pki, now(), view)
    }
  )
}
