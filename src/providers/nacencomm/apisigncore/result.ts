import { Type } from 'typebox'
import { base64 } from '../../annex/certificates.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { anyId, ignoreBodies, readNames, sendBare } from './bare.js'
import { findRequest } from './find-request.js'
import { apiSignCorePath } from './paths.js'

/**
 * `Layketquaky` (§6.2): the signature in base64, and "" while there is none. Also "" where there will never be one, and
 * for a code that nobody has: clients take whatever is not empty for a signature.
 */
export const result: DialectRoutes = async (app, { provider, transactions }) => {
  ignoreBodies(app)
  app.post(
    `${apiSignCorePath}/Layketquaky`,
    {
      schema: {
        tags: ['Nacencomm APISigncore'],
        summary: 'The signature of a request',
        description: 'A JSON string: base64, or empty.',
        querystring: Type.Object({ Code: anyId('As Guiyeucauky_Mobilesign answered it') })
      },
      preValidation: readNames('Code')
    },
    async ({ query }, reply) => {
      const found = await findRequest(transactions, query.Code, provider.id)
      const signature = found?.signatures?.[0]
      return sendBare(reply, signature === undefined ? '' : base64(signature))
    }
  )
}
