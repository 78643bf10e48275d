import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { grantOf, requireChangeToken, useUp } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { parameter } from '../validation.js'
import { fitsSubject, readCreationRequest } from './creation-request.js'
import { CredentialInfo, describeCredential, viewParameters } from './credential.js'

const Body = Type.Object({
  credentialCreationRequest: parameter(
    Type.Object(
      {
        certificatePolicy: Type.Optional(Type.Unknown({ description: "The OID of the provider's policy." })),
        subjectData: Type.Optional(
          Type.Unknown({ description: 'Claims of OpenID Connect; must be those of the person.' })
        )
      },
      { examples: [{ subjectData: { family_name: 'Trần' } }] }
    ),
    { type: 'Missing required parameter credentialCreationRequest' }
  ),
  ...viewParameters
})

/** `credentials/create` of CSC API 2.2: a key and a certificate for the person who logged in, ready to sign. */
export const credentialsCreate: ApiRoutes = async (app, api) => {
  const { provider, audience, access, directory, enrolment, pki, lenient, now } = api
  if (!api.credentialChanges) return
  app.post(
    '/credentials/create',
    {
      onRequest: requireChangeToken(access, provider.id, audience, 'credential-creation'),
      schema: {
        tags: ['CSC v2'],
        summary: 'A new credential of the person who logged in',
        description: 'CSC API 2.2. RSA-2048; for tokens of scope credential-creation, once.',
        body: Body,
        response: { 200: CredentialInfo }
      }
    },
    async (request) => {
      const { credentialCreationRequest, ...view } = request.body
      const asked = readCreationRequest(credentialCreationRequest, pki.policy(provider.id))
      if (asked === null) throw invalidRequest('Invalid parameter credentialCreationRequest')
      const { clientId, subscriberId } = grantOf(request)
      const subscriber = subscriberId === null ? null : await directory.subscriber(subscriberId)
      if (subscriber === null) throw new ServiceError('authentication_failed', 'the token is of nobody')
      if (!fitsSubject(asked, subscriber)) throw invalidRequest('Invalid parameter subjectData')
      await useUp(access, request)
      const issued = await enrolment.issueCredential(
        subscriber.id,
        { algorithm: 'RSA-2048', publish: true },
        `relying-party:${provider.id}/${clientId}`
      )
      return describeCredential(issued, pki, now(), view, lenient)
    }
  )
}
