import { Type } from 'typebox'
import { credentialStatus } from '../../enrolment/enrolment.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { parameter } from '../validation.js'
import { CredentialInfo, describeCredential, viewParameters } from './credential.js'
import { deletion } from './credentials-delete.js'

const Body = Type.Object({
  userID: Type.Optional(
    parameter(
      Type.String({
        examples: ['001088035895'],
        minLength: 1,
        maxLength: 128,
        pattern: '^[^\\u0000-\\u001f]+$',
        description: 'The subscriber, by login.'
      }),
      {
        type: 'Invalid parameter userID'
      }
    )
  ),
  credentialInfo: Type.Optional(
    parameter(Type.Boolean({ default: false }), { type: 'Invalid parameter credentialInfo' })
  ),
  onlyValid: Type.Optional(
    parameter(Type.Boolean({ default: false }), { type: 'Invalid parameter onlyValid' })
  ),
  ...viewParameters
})

const Reply = Type.Object({
  credentialIDs: Type.Array(Type.String()),
  credentialInfos: Type.Optional(Type.Array(CredentialInfo)),
  onlyValid: Type.Optional(Type.Boolean())
})

/**
 * `credentials/list`, CSC API v2 §11.4. With a person's token it is about that person; with a client's own, `userID` says
 * whose credentials.
 */
export const credentialsList: ApiRoutes = async (
  app,
  { provider, audience, access, directory, pki, credentialChanges, lenient, now }
) => {
  app.post(
    '/credentials/list',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'userID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Credentials of a subscriber',
        description: 'CSC API v2 §11.4. RSA credentials come first.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { userID, credentialInfo, onlyValid, ...view } = request.body
      const { subscriberId } = grantOf(request)
      if (subscriberId !== null && userID !== undefined) throw invalidRequest('userID parameter MUST be null')
      const subscriber =
        subscriberId !== null
          ? await directory.subscriber(subscriberId)
          : userID === undefined
            ? null
            : await directory.subscriberByLogin(provider.id, userID)
      if (subscriber === null) throw invalidRequest('Invalid parameter userID')

      const at = now()
      const owned = await directory.credentialsOf(subscriber.id)
      // Where they can be deleted, those are gone for whoever looks through them; credentials/info still knows them.
      const all = credentialChanges
        ? owned.filter(({ revocationReason }) => revocationReason !== deletion)
        : owned
      const shown = onlyValid === true ? all.filter((one) => credentialStatus(one, at) === 'active') : all
      return {
        credentialIDs: shown.map(({ id }) => id),
        ...(credentialInfo === true
          ? { credentialInfos: shown.map((one) => describeCredential(one, pki, at, view, lenient)) }
          : {}),
        ...(onlyValid === true ? { onlyValid } : {})
      }
    }
  )
}
