import { Type } from 'typebox'
import { readHash } from './algorithms.js'
import { requireToken } from './bearer.js'
import type { ApiRoutes } from './deps.js'
import { base64Pattern, notBase64, readDigests } from './digests.js'
import { malformedText } from './v1/words.js'
import { missing, parameter, text } from './validation.js'

/** Hexadecimal digits of a nonce, at most: 32 octets. */
const nonceDigitsMax = 64

const Body = Type.Object({
  hash: parameter(
    Type.String({
      minLength: 1,
      pattern: base64Pattern,
      description: 'Digest to be stamped, base64.',
      examples: ['sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=']
    }),
    { type: missing('string', 'hash'), minLength: 'Empty hash parameter', pattern: notBase64 }
  ),
  hashAlgo: text('hashAlgo', { maxLength: 64 }),
  nonce: Type.Optional(
    parameter(
      Type.String({
        pattern: `^[0-9A-Fa-f]{1,${nonceDigitsMax}}$`,
        description: 'Hexadecimal; comes back in the token.'
      }),
      { type: 'Invalid parameter nonce' }
    )
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Reply = Type.Object({
  timestamp: Type.String({ description: 'Time-stamp token (RFC 3161 §2.4.2), DER, base64.' })
})

/** `signatures/timestamp`, CSC API v1 §11.10 and v2 §11.13: the same in both, down to the name `hashAlgo`. */
export const timestamp: ApiRoutes = async (app, { provider, audience, access, pki, lenient }) => {
  app.post(
    '/signatures/timestamp',
    {
      onRequest:
        audience === 'csc/v1'
          ? requireToken(access, provider.id, audience, malformedText)
          : requireToken(access, provider.id, audience),
      schema: {
        tags: [audience === 'csc/v1' ? 'CSC v1' : 'CSC v2'],
        summary: 'A time-stamp token over a digest',
        description:
          'CSC API v1 §11.10, v2 §11.13. The token is RFC 3161’s, by the authority whose certificate is at `/pki/tsa.pem`.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { hashAlgo, nonce } = request.body
      const hash = readHash(hashAlgo, 'hashAlgo')
      const [digest = new Uint8Array()] = readDigests([request.body.hash], hash, lenient('csc.any-base64'))
      const token = await pki.timestamps.stamp({
        hash,
        digest,
        nonce: nonce === undefined ? null : BigInt(`0x${nonce}`)
      })
      return { timestamp: Buffer.from(token).toString('base64') }
    }
  )
}
