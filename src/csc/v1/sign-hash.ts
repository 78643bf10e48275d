import { Type } from 'typebox'
import { readAlgorithms } from '../algorithms.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter, readDigests } from '../digests.js'
import { namingExpired } from '../expired-certificate.js'
import { ownCredential } from '../own-credential.js'
import { missing, parameter, text } from '../validation.js'
import { malformedText } from './words.js'

/** The SAD of credentials/authorize, or a token of the OAuth 2.0 scope `credential`. */
export const sadParameter = parameter(Type.String({ minLength: 1, maxLength: 4096 }), {
  type: missing('string', 'SAD'),
  minLength: 'Invalid parameter SAD',
  maxLength: 'Invalid parameter SAD'
})

const Body = Type.Object({
  SAD: sadParameter,
  credentialID: text('credentialID', { maxLength: 64 }),
  hash: hashesParameter,
  signAlgo: text('signAlgo', { maxLength: 64 }),
  signAlgoParams: Type.Optional(text('signAlgoParams', { maxLength: 1024 })),
  hashAlgo: Type.Optional(text('hashAlgo', { maxLength: 64 })),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Reply = Type.Object({
  signatures: Type.Array(Type.String({ description: 'base64, in the order of the hashes; ECDSA as DER.' }))
})

/** `signatures/signHash`, CSC API v1 §11.9. A SAD that has signatures left must be renewed before it signs again. */
export const signHash: ApiRoutes = async (
  app,
  { provider, audience, access, signing, directory, pki, lenient }
) => {
  app.post(
    '/signatures/signHash',
    {
      onRequest: requireToken(access, provider.id, audience, malformedText),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v1'],
        summary: 'Sign what was approved',
        description:
          'CSC API v1 §11.9. Between two calls with the same approval the SAD is renewed by credentials/extendTransaction.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { SAD, credentialID, signAlgo, signAlgoParams, hashAlgo } = request.body
      const grant = grantOf(request)
      const { clientId, subscriberId } = grant
      const { hash, scheme } = readAlgorithms(
        {
          signAlgo,
          ...(signAlgoParams === undefined ? {} : { signAlgoParams }),
          ...(hashAlgo === undefined ? {} : { hashAlgorithmOID: hashAlgo })
        },
        'hashAlgo'
      )
      const digests = readDigests(request.body.hash, hash, lenient('csc.any-base64'))
      if (subscriberId !== null) await ownCredential({ directory, provider }, grant, credentialID)
      const signatures = await signing
        .sign({
          provider: provider.id,
          clientId,
          credentialId: credentialID,
          sad: SAD,
          usesSadUp: true,
          hash,
          scheme,
          digests
        })
        .catch(namingExpired({ directory, pki }, credentialID))
      return { signatures: signatures.map((signature) => Buffer.from(signature).toString('base64')) }
    }
  )
}
