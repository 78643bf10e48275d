import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { findSigner } from '../../dialect/signer.js'
import { callerOf } from './caller.js'
import { envelopeOf, success } from './envelope.js'
import { credentialsPath, tag } from './paths.js'

const Body = Type.Optional(
  Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], { examples: [{}] })
)

/** `credentials/list` (§3.4): ids of the person's credentials, usable ones first. */
export const credentialsList: DialectRoutes = async (app, { provider, ...deps }) => {
  app.post(
    `${credentialsPath}/list`,
    {
      schema: {
        tags: [tag],
        summary: 'Credentials of the person that the token is for',
        body: Body,
        response: { 200: envelopeOf(Type.Array(Type.String())) }
      }
    },
    async (request) => {
      const { subscriber } = await callerOf(request, deps, provider.id)
      const signer = await findSigner(deps, provider.id, subscriber.login)
      return success((signer?.credentials ?? []).map(({ id }) => id))
    }
  )
}
