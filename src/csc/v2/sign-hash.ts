import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import { readAlgorithms } from '../algorithms.js'
import { grantOf, requireTokenOrSad } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { hashesParameter, readDigests } from '../digests.js'
import { namingExpired } from '../expired-certificate.js'
import { invalidRequest } from '../faults.js'
import { ownCredential } from '../own-credential.js'
import { missing, parameter, text } from '../validation.js'

/** How long the result of operationMode A can be fetched, in milliseconds: by default, and at most. */
export const validityPeriodMs = { default: 600_000, max: 86_400_000 }

/** The body of signHash. */
export const Body = Type.Object({
  SAD: Type.Optional(
    parameter(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'Required unless the bearer token is the SAD.'
      }),
      {
        type: missing('string', 'SAD'),
        minLength: 'Invalid parameter SAD',
        maxLength: 'Invalid parameter SAD'
      }
    )
  ),
  credentialID: text('credentialID', { maxLength: 64 }),
  hashes: hashesParameter,
  signAlgo: text('signAlgo', { maxLength: 64 }),
  signAlgoParams: Type.Optional(text('signAlgoParams', { maxLength: 1024 })),
  hashAlgorithmOID: Type.Optional(text('hashAlgorithmOID', { maxLength: 64 })),
  operationMode: Type.Optional(
    parameter(Type.Enum(['S', 'A'], { default: 'S' }), { type: 'Invalid parameter operationMode' })
  ),
  validity_period: Type.Optional(
    Type.Unknown({
      description: `With operationMode A: milliseconds, an integer, default ${validityPeriodMs.default}, at most ${validityPeriodMs.max}.`
    })
  ),
  response_uri: Type.Optional(
    Type.Unknown({
      description:
        'With operationMode A: is told of the end; must be among the registered callback addresses.'
    })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
/** Its answer. */
export const Reply = Type.Object({
  signatures: Type.Optional(
    Type.Array(Type.String({ description: 'base64, in the order of the hashes; ECDSA as DER.' }))
  ),
  responseID: Type.Optional(Type.String({ description: 'In operationMode A: for signatures/signPolling.' }))
})

/** `signatures/signHash`, CSC API v2 §11.10. */
export const signHash: ApiRoutes = async (app, api) => {
  const { provider, audience, access, activations, signing, responses, directory, pki, lenient } = api
  const anyBase64 = lenient('csc.any-base64')
  app.post(
    '/signatures/signHash',
    {
      onRequest: requireTokenOrSad({ access, activations }, provider.id, audience),
      preValidation: requireSad,
      config: { named: 'credentialID' },
      schema: {
        tags: ['CSC v2'],
        summary: 'Sign what was approved',
        description:
          'CSC API v2 §11.10. Each approved digest can be signed once, and at SCAL 1 as many as were approved; several calls may share one SAD until all are used.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { SAD, credentialID, hashes, operationMode, validity_period, response_uri, ...named } =
        request.body
      const grant = grantOf(request)
      const sad = grant.redeems?.sad ?? SAD ?? ''
      // Two that differ are ambiguous.
      if (SAD !== undefined && SAD !== sad) throw invalidRequest('Invalid parameter SAD')
      // Of a client's own token, signing itself tells what it may not reach.
      if (grant.subscriberId !== null) await ownCredential(api, grant, credentialID)
      const { hash, scheme } = readAlgorithms(named)
      const sign = {
        provider: provider.id,
        clientId: grant.clientId,
        credentialId: credentialID,
        sad,
        hash,
        scheme,
        digests: readDigests(hashes, hash, anyBase64)
      }
      if (operationMode === 'A') {
        const forMs = readValidityPeriod(validity_period)
        const responseUri = readResponseUri(response_uri)
        const subscriberId = (await directory.credential(credentialID))?.subscriberId ?? ''
        const responseID = await responses
          .start(sign, { subscriberId, forMs, responseUri })
          .catch((error: unknown) => expired(error, credentialID))
        return { responseID }
      }
      const signatures = await signing.sign(sign).catch((error: unknown) => expired(error, credentialID))
      return { signatures: signatures.map((signature) => Buffer.from(signature).toString('base64')) }
    }
  )

  /** The texts of the tables that the service's own codes do not lead to; one of them names the certificate. */
  async function expired(error: unknown, credentialId: string): Promise<never> {
    if (!(error instanceof ServiceError)) throw error
    if (error.code === 'request_invalid' && error.field === 'response_uri')
      throw invalidRequest('Invalid parameter response_uri')
    return namingExpired({ directory, pki }, credentialId)(error)
  }
}

/** First of the table. */
async function requireSad(request: FastifyRequest): Promise<void> {
  const { body } = request
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return
  if (!('SAD' in body && body.SAD !== undefined) && grantOf(request).redeems === null)
    throw invalidRequest(missing('string', 'SAD'))
}

/** Only looked at with operationMode A, as the standard has it. */
function readValidityPeriod(value: unknown): number {
  if (value === undefined) return validityPeriodMs.default
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw invalidRequest('Invalid parameter validity_period')
  if (value < 1 || value > validityPeriodMs.max)
    throw invalidRequest('Out of bounds parameter validity_period')
  return value
}

function readResponseUri(value: unknown): string | null {
  if (value === undefined) return null
  if (typeof value !== 'string') throw invalidRequest('Invalid parameter response_uri')
  return value
}
