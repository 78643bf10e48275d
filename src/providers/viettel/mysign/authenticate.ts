import { Type } from 'typebox'
import { takeForms } from '../../../http/form.js'
import { authenticate as authenticateClient } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { audience } from './caller.js'
import { clientFields } from './fields.js'
import { TokenAnswer, tokenAnswer } from './token-answer.js'

/** The longest form read here, in octets. */
const formLimit = 16 * 1024

const Form = Type.Object(
  { ...clientFields, grant_type: Type.Literal('client_credentials') },
  { examples: [{ client_id: 'dvctt', client_secret: 'dvctt-secret', grant_type: 'client_credentials' }] }
)

/** `ras/v1/authenticate` (§4.2): a token of the relying party that is for no user. */
export const authenticate: DialectRoutes = async (app, { access, provider, quirk }) => {
  takeForms(app, formLimit)

  app.post(
    '/v1/authenticate',
    {
      schema: {
        tags: ['Viettel MySign'],
        summary: 'An access token of the relying party',
        description:
          'Form-encoded client credentials. The token is for no user, so the calls that need one refuse it.',
        consumes: ['application/x-www-form-urlencoded'],
        body: Form,
        response: { 200: TokenAnswer }
      }
    },
    async (request) => {
      const { client_id: clientId, client_secret: clientSecret } = request.body
      await authenticateClient(request, access, { provider: provider.id, clientId, clientSecret })
      const grant = { provider: provider.id, audience, clientId, subscriberId: null, scope: 'client' }
      return tokenAnswer(await access.issueToken(grant), quirk)
    }
  )
}
