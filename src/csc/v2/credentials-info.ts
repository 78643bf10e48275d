import { Type } from 'typebox'
import { grantOf, requireTokenOrSad } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { ownCredential } from '../own-credential.js'
import { text } from '../validation.js'
import { CredentialInfo, describeCredential, viewParameters } from './credential.js'

const Body = Type.Object({ credentialID: text('credentialID', { maxLength: 64 }), ...viewParameters })

/** `credentials/info`, CSC API v2 §11.5. */
export const credentialsInfo: ApiRoutes = async (app, api) => {
  const { provider, audience, pki, lenient, now } = api
  app.post(
    '/credentials/info',
    {
      onRequest: requireTokenOrSad(api, provider.id, audience),
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
      const credential = await ownCredential(api, grantOf(request), credentialID)
      return describeCredential(credential, pki, now(), view, lenient)
    }
  )
}
