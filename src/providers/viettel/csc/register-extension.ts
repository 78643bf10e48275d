import { Type } from 'typebox'
import { sessionLimits } from '../../../activation/session-asked.js'
import { confirmed } from '../../../http/confirmed.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { readNumber, readSpelled } from '../mysign/members.js'
import { numberOfSignatures } from '../mysign/sign-request.js'
import { offsetTime } from '../mysign/times.js'
import { namedCredential } from './credential.js'
import { credentialName, exampleCredentialId, exampleSad, sad } from './fields.js'

const Body = Type.Object(
  {
    credential_id: credentialName,
    SAD: sad,
    duration: Type.Union(
      [Type.Integer({ minimum: 1, maximum: 10_000_000 }), Type.String({ pattern: '^[0-9]{1,7}$' })],
      { description: `Seconds, at most ${sessionLimits.lifetimeS}` }
    ),
    numSignatures: Type.Optional(numberOfSignatures)
  },
  { examples: [{ credential_id: exampleCredentialId, SAD: exampleSad, duration: 3600, numSignatures: 100 }] }
)

/**
 * `credentials/registerExtension` (§4.4): from now on other digests are signed without another confirmation, as many as the
 * subscriber was shown and until the time that was shown, which takes a confirmation here.
 */
export const registerExtension: DialectRoutes = async (
  app,
  { access, provider, activations, quirk, ...deps }
) => {
  app.post(
    '/csc/v1/credentials/registerExtension',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'Open a signing session, and wait until the subscriber has confirmed it',
        body: Body,
        response: {
          200: Type.Object({
            user_id: Type.String({ description: 'Login of the subscriber' }),
            app_id: Type.String({ description: 'clientId of the relying party' }),
            expire_date: Type.String({ description: 'When the session ends, such as 20261122163000+0000' })
          })
        }
      }
    },
    async (request, reply) => {
      const caller = await callerOfEitherToken(request, { access }, provider.id)
      const { findings, party, subscriberId } = caller
      const name = readSpelled(request.body, 'credential_id', findings)
      const durationS = readNumber(request.body.duration, 'duration', findings)
      const { credential, subscriber } = await namedCredential({ ...deps, quirk }, caller, name)
      const { numSignatures = Math.min(credential.multisign, sessionLimits.signatures) } = request.body
      // In whole seconds, so that the answer says the very time that the device shows.
      const validUntil = new Date((Math.floor(deps.now().getTime() / 1000) + durationS) * 1000)
      const activation = await activations.ask({
        provider: provider.id,
        clientId: party.clientId,
        credentialId: credential.id,
        subscriberId,
        hash: null,
        digests: [],
        numSignatures: readNumber(numSignatures, 'numSignatures', findings),
        session: { validUntil, sad: request.body.SAD },
        documentNames: [],
        description: 'Mở phiên ký: không hỏi lại cho từng tài liệu'
      })
      await confirmed({ activations, now: deps.now }, activation, reply)
      return {
        user_id: subscriber.login,
        app_id: party.clientId,
        expire_date: offsetTime(validUntil)
      }
    }
  )
}
