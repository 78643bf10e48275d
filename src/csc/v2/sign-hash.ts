import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { readAlgorithms } from '../algorithms.js'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter, readDigests } from '../digests.js'
import { invalidRequest } from '../faults.js'
import { missing, parameter, text } from '../validation.js'

/** The body of signHash. */
export const Body = Type.Object({
  SAD: parameter(Type.String({ minLength: 1, maxLength: 4096 }), {
    type: missing('string', 'SAD'),
    minLength: 'Invalid parameter SAD',
    maxLength: 'Invalid parameter SAD'
  }),
  credentialID: text('credentialID', { maxLength: 64 }),
  hashes: hashesParameter,
  signAlgo: text('signAlgo', { maxLength: 64 }),
  signAlgoParams: Type.Optional(text('signAlgoParams', { maxLength: 1024 })),
  hashAlgorithmOID: Type.Optional(text('hashAlgorithmOID', { maxLength: 64 })),
  operationMode: Type.Optional(
    parameter(Type.Enum(['S', 'A'], { default: 'S' }), { type: 'Invalid parameter operationMode' })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
/** Its answer. */
export const Reply = Type.Object({
  signatures: Type.Array(Type.String({ description: 'base64, in the order of the hashes; ECDSA as DER.' }))
})

/** `signatures/signHash`, CSC API v2 §11.10, synchronous mode. */
export const signHash: ApiRoutes = async (app, { provider, audience, access, signing, directory, pki }) => {
  app.post(
    '/signatures/signHash',
    {
      onRequest: requireToken(access, provider.id, audience),
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Sign what was approved',
        description:
          'CSC API v2 §11.10. Each approved digest can be signed once; several calls may share one SAD until all are used.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { SAD, credentialID, hashes, operationMode, ...named } = request.body
      if (operationMode === 'A') throw invalidRequest('Invalid parameter operationMode')
      const { hash, scheme } = readAlgorithms(named)
      const signatures = await signing
        .sign({
          provider: provider.id,
          clientId: grantOf(request).clientId,
          credentialId: credentialID,
          sad: SAD,
          hash,
          scheme,
          digests: readDigests(hashes, hash)
        })
        .catch((error: unknown) => expired(error, credentialID))
      return { signatures: signatures.map((signature) => Buffer.from(signature).toString('base64')) }
    }
  )

  /** The one text of the tables that names the certificate. */
  async function expired(error: unknown, credentialId: string): Promise<never> {
    if (!(error instanceof ServiceError) || error.code !== 'certificate_expired') throw error
    const credential = await directory.credential(credentialId)
    if (credential === null) throw error
    const { organisation, commonName } = pki.describe(credential.certificate)
    throw invalidRequest(`Signing certificate 'O=${organisation},CN=${commonName}' is expired.`)
  }
}
