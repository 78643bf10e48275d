import { Type } from 'typebox'
import { descriptionMaxLength } from '../../activation/ask.js'
import { ServiceError } from '../../errors.js'
import { confirmed } from '../../http/confirmed.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter } from '../digests.js'
import { missing, parameter, text } from '../validation.js'
import { readUnnamedDigests } from './digests.js'
import { inV1Words, malformedText } from './words.js'

/** A PIN or OTP: any visible characters, none of which is told to be wrong by itself. */
const factor = (name: string) =>
  Type.Optional(parameter(Type.String({ maxLength: 128 }), { type: missing('string', name) }))

const Body = Type.Object({
  credentialID: text('credentialID', { maxLength: 64 }),
  numSignatures: parameter(Type.Integer({ minimum: 1, examples: [1] }), {
    type: missing('integer', 'numSignatures'),
    minimum: 'Invalid value for parameter numSignatures'
  }),
  hash: Type.Optional(hashesParameter),
  PIN: factor('PIN'),
  OTP: factor('OTP'),
  description: Type.Optional(
    parameter(Type.String({ maxLength: descriptionMaxLength }), { type: 'Invalid parameter description' })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Reply = Type.Object({
  SAD: Type.String({ description: 'Signature activation data.' }),
  expiresIn: Type.Integer({ description: 'Seconds.' })
})

/**
 * `credentials/authorize`, CSC API v1 §11.6. PIN or OTP are checked before the phone rings; the answer comes when the
 * subscriber has confirmed on it, or has not within the provider's time. A client that goes away takes its request with
 * it.
 */
export const credentialsAuthorize: ApiRoutes = async (
  app,
  { provider, audience, access, activations, lenient, now }
) => {
  app.post(
    '/credentials/authorize',
    {
      onRequest: requireToken(access, provider.id, audience, malformedText),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v1'],
        summary: 'Have the subscriber approve signatures, and wait for it',
        description: 'CSC API v1 §11.6. Answers once the subscriber has confirmed on a registered device.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request, reply) => {
      const { credentialID, numSignatures, PIN, OTP, description } = request.body
      const { clientId, subscriberId } = grantOf(request)
      const { id: activationId, expiresAt } = await activations
        .ask({
          provider: provider.id,
          clientId,
          credentialId: credentialID,
          subscriberId,
          ...readUnnamedDigests(request.body.hash ?? [], lenient('csc.any-base64')),
          numSignatures,
          factors: { pin: PIN, otp: OTP },
          documentNames: [],
          description: description ?? ''
        })
        .catch(inV1Words)
        .catch(disabled)

      const of = { provider: provider.id, clientId }
      await confirmed({ activations, now }, { ...of, id: activationId, expiresAt }, reply)
      const { sad, expiresInS } = await activations.issueSad({ ...of, activationId })
      return { SAD: sad, expiresIn: expiresInS }
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
