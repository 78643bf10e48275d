import { Type } from 'typebox'
import { confirmed } from '../../../http/confirmed.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { readDescription } from '../mysign/base64-text.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { writeNumber } from '../mysign/fields.js'
import { readSpelled } from '../mysign/members.js'
import { namedCredential } from './credential.js'
import { digestFields, readDigests } from './digests.js'
import { credentialName, exampleCredentialId, exampleDigests, SadAnswer } from './fields.js'

const Body = Type.Object(
  {
    credentialID: credentialName,
    ...digestFields,
    description: Type.Optional(Type.String({ maxLength: 2700, description: 'base64; shown on the device' }))
  },
  { examples: [{ credentialID: exampleCredentialId, ...exampleDigests, description: 'VOG7nSBraGFp' }] }
)

/** `credentials/authorize` (§4.4): answers once the subscriber has confirmed these digests on a device. */
export const credentialsAuthorize: DialectRoutes = async (
  app,
  { access, provider, activations, quirk, ...deps }
) => {
  app.post(
    '/csc/v1/credentials/authorize',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'Have the subscriber approve digests, and wait for it',
        body: Body,
        response: { 200: SadAnswer }
      }
    },
    async (request, reply) => {
      const caller = await callerOfEitherToken(request, { access }, provider.id)
      const { findings, party, subscriberId } = caller
      const name = readSpelled(request.body, 'credentialID', findings)
      const { digests, documentNames } = readDigests(request.body, findings)
      const { credential } = await namedCredential({ ...deps, quirk }, caller, name)
      const activation = await activations.ask({
        provider: provider.id,
        clientId: party.clientId,
        credentialId: credential.id,
        subscriberId,
        hash: 'SHA-256',
        digests,
        numSignatures: digests.length,
        documentNames,
        description: readDescription(request.body.description ?? '', findings)
      })
      await confirmed({ activations, now: deps.now }, activation, reply)
      const { sad, expiresInS } = await activations.issueSad({
        provider: provider.id,
        clientId: party.clientId,
        activationId: activation.id
      })
      return { SAD: sad, expiresIn: writeNumber(expiresInS, quirk) }
    }
  )
}
