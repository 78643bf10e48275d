import { Type } from 'typebox'
import { nationalIdKind } from '../../../pki/subject.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOf } from './caller.js'
import { envelopeOf, success } from './envelope.js'
import { identityPath, tag } from './paths.js'

/** `accType`; 1 (an enterprise) and 3 (a one-time CA) do not occur: certificates are of people. */
const accountTypes = { person: 0, personInEnterprise: 2 }

const Body = Type.Optional(
  Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], { examples: [{}] })
)
const nullable = Type.Union([Type.String(), Type.Null()])

/** `userinfo/info` (§3.4): the person that the token is for. */
export const userInfo: DialectRoutes = async (app, { provider, ...deps }) => {
  app.post(
    `${identityPath}/info`,
    {
      schema: {
        tags: [tag],
        summary: 'The person that the token is for',
        body: Body,
        response: {
          200: envelopeOf(
            Type.Object({
              accType: Type.Integer({ description: '0: a person, 2: a person in an enterprise' }),
              uidPre: Type.String({ description: 'CCCD, CMND or HC' }),
              uid: Type.String(),
              email: nullable,
              phone: nullable
            })
          )
        }
      }
    },
    async (request) => {
      const { subscriber } = await callerOf(request, deps, provider.id)
      const { organisation, nationalId, email, phone } = subscriber
      const accType = organisation === null ? accountTypes.person : accountTypes.personInEnterprise
      return success({ accType, uidPre: nationalIdKind(nationalId), uid: nationalId, email, phone })
    }
  )
}
