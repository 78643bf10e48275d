import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { anyId, ignoreBodies, readNames, sendBare } from './bare.js'
import { findRequest } from './find-request.js'
import { apiSignCorePath } from './paths.js'

/** What both calls answer: whether it was done. */
const [done, notDone] = [1, 0]
const Code = anyId('As Guiyeucauky_Mobilesign answered it')
const number = (description: string) => Type.Optional(Type.String({ maxLength: 16, description }))

/**
 * `Xoayeucauky_Code` and `Capnhattrangthaihoantat_Code` (§6.2): ends a request that nobody has answered yet, and notes that
 * a signature was fetched, which changes nothing here.
 */
export const close: DialectRoutes = async (app, { provider, transactions, activations }) => {
  ignoreBodies(app)
  app.post(
    `${apiSignCorePath}/Xoayeucauky_Code`,
    {
      schema: {
        tags: ['Nacencomm APISigncore'],
        summary: 'Withdraw a request',
        description: 'A JSON number: 1 where it waited and waits no more, else 0.',
        querystring: Type.Object({ Code, phanloaiky: number('1; of no effect') })
      },
      preValidation: readNames('Code', 'phanloaiky')
    },
    async ({ query }, reply) => {
      const found = await findRequest(transactions, query.Code, provider.id)
      const withdrawn =
        found !== null &&
        (await activations.withdraw({
          provider: provider.id,
          clientId: found.clientId,
          activationId: found.id,
          reason: 'withdrawn'
        }))
      return sendBare(reply, withdrawn ? done : notDone)
    }
  )

  app.post(
    `${apiSignCorePath}/Capnhattrangthaihoantat_Code`,
    {
      schema: {
        tags: ['Nacencomm APISigncore'],
        summary: 'Say that the signature was fetched',
        description: 'A JSON number: 1 where there is a signature, else 0.',
        querystring: Type.Object({ code: Code, trangthai: number('1; of no effect') })
      },
      preValidation: readNames('code', 'trangthai')
    },
    async ({ query }, reply) => {
      const found = await findRequest(transactions, query.code, provider.id)
      return sendBare(reply, found?.state === 'signed' ? done : notDone)
    }
  )
}
