import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOf, proveClient } from './client.js'
import { webdevPath } from './paths.js'
import { renewSession } from './session.js'
import { respell } from './spelling.js'

const Body = Type.Object(
  { refreshToken: Type.String({ minLength: 1, maxLength: 4096, description: 'Of the login; good once' }) },
  { examples: [{ refreshToken: 'Zm9yIGV4YW1wbGUgb25seSwgbm90IGEgcmVhbCB0b2tlbg' }] }
)

/** `refreshtoken`: new tokens for an old refresh token, answered bare (§5.2). */
export const refreshToken: DialectRoutes = async (app, options) => {
  const { access, provider } = options
  app.post(
    webdevPath('refreshtoken'),
    {
      schema: {
        tags: ['MISA eSign'],
        summary: 'Renew the tokens of a login',
        body: Body,
        response: {
          200: Type.Object({
            remoteSigningAccessToken: Type.String(),
            accessToken: Type.String(),
            refreshToken: Type.String({ description: 'Takes the place of the one that was sent' }),
            expiresIn: Type.Integer({ description: 'Seconds' })
          })
        }
      },
      onRequest: proveClient(options, { bare: false }),
      preValidation: respell('body', { refreshToken: null })
    },
    async (request) => {
      const { clientId } = callerOf(request).party
      return renewSession(access, {
        provider: provider.id,
        clientId,
        refreshToken: request.body.refreshToken
      })
    }
  )
}
