import { Type } from 'typebox'
import { readBoundScope } from '../../access/oauth/change-scope.js'
import { credentialStatus } from '../../enrolment/enrolment.js'
import { ServiceError } from '../../errors.js'
import type { RevocationReason } from '../../pki/pki.js'
import { grantOf, requireChangeToken, useUp } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { ownCredential } from '../own-credential.js'
import { text } from '../validation.js'

/** What a deletion is to the CA: nothing is wrong with the key, and nobody wants it any more (RFC 5280 §5.3.1). */
export const deletion: RevocationReason = 'cessationOfOperation'

const Body = Type.Object({ credentialID: text('credentialID', { maxLength: 64 }) })

/**
 * `credentials/delete` of CSC API 2.2. What was signed has to stay verifiable, so that the certificate is revoked and its
 * row stays.
 */
export const credentialsDelete: ApiRoutes = async (app, api) => {
  const { provider, audience, access, enrolment, now } = api
  if (!api.credentialChanges) return
  app.post(
    '/credentials/delete',
    {
      onRequest: requireChangeToken(access, provider.id, audience, 'credential-deletion'),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Revoke a credential of the person who logged in, for good',
        description: 'CSC API 2.2. For tokens of scope credential-deletion, once.',
        body: Body,
        response: { 204: Type.Null({ description: 'It is revoked.' }) }
      }
    },
    async (request, reply) => {
      const { credentialID } = request.body
      const grant = grantOf(request)
      const { clientId, subscriberId, scope } = grant
      if (subscriberId === null) throw new ServiceError('authentication_failed', 'the token is of nobody')
      const credential = await ownCredential(api, grant, credentialID)
      const shown = readBoundScope(scope)?.credentialId ?? credentialID
      if (shown !== credentialID) throw invalidRequest('Invalid parameter credentialID')
      const status = credentialStatus(credential, now())
      if (status === 'revoked' || status === 'expired')
        throw new ServiceError('credential_unusable', `${credentialID} is ${status}`)
      await useUp(access, request)
      const by = `relying-party:${provider.id}/${clientId}`
      await enrolment.revokeCredential(credentialID, deletion, by).catch((error: unknown) => {
        if (error instanceof ServiceError && error.code === 'state_conflict')
          throw new ServiceError('credential_unusable', error.message, { cause: error })
        throw error
      })
      return reply.code(204).send(null)
    }
  )
}
