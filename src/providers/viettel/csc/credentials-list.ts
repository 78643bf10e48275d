import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { findSigner } from '../../dialect/signer.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { credentialIdOf } from '../mysign/credential-id.js'
import { userId } from '../mysign/fields.js'

const Body = Type.Object({ userID: Type.Optional(userId) }, { examples: [{ userID: 'CMT_0123456789' }] })

/** `credentials/list` (§4.4): of the token's user, or of the one that is named with a token of the relying party. */
export const credentialsList: DialectRoutes = async (app, { access, provider, ...deps }) => {
  app.post(
    '/csc/v1/credentials/list',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'Credentials of a subscriber',
        body: Body,
        response: { 200: Type.Object({ credentialIDs: Type.Array(Type.String()) }) }
      }
    },
    async (request) => {
      const { party, subscriberId } = await callerOfEitherToken(request, { access }, provider.id)
      const own = subscriberId === null ? null : await deps.directory.subscriber(subscriberId)
      const login = request.body.userID ?? own?.login
      if (login === undefined)
        throw new ServiceError('request_invalid', 'no user is named', {
          says: 'Send userID: the token is for no user.',
          field: 'userID'
        })
      const signer = await findSigner(deps, party.provider, login)
      if (
        signer === null ||
        signer.credentials.length === 0 ||
        (subscriberId ?? signer.subscriber.id) !== signer.subscriber.id
      )
        throw new ServiceError('not_found', 'nobody signs under this name for this token', {
          says: 'The user id is not known, or the token is for another one.',
          field: 'user_id'
        })
      return { credentialIDs: signer.credentials.map(credentialIdOf) }
    }
  )
}
