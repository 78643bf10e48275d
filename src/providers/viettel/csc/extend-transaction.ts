import type { DialectRoutes } from '../../dialect/dialect.js'
import { requireAlgorithms } from '../mysign/algorithms.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { writeNumber } from '../mysign/fields.js'
import { readSpelled } from '../mysign/members.js'
import { namedCredential } from './credential.js'
import { readDigests } from './digests.js'
import { SadAnswer } from './fields.js'
import { RedeemBody } from './redeem-body.js'

/**
 * `credentials/extendTransaction` (§4.4): a SAD for other digests while a session lives that was registered with this one;
 * without it, for those that were confirmed and are not signed yet, as CSC API v1 §11.7 has it.
 */
export const extendTransaction: DialectRoutes = async (
  app,
  { access, provider, activations, quirk, ...deps }
) => {
  app.post(
    '/csc/v1/credentials/extendTransaction',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'The next SAD',
        body: RedeemBody,
        response: { 200: SadAnswer }
      }
    },
    async (request) => {
      const caller = await callerOfEitherToken(request, { access }, provider.id)
      const { findings, party } = caller
      const name = readSpelled(request.body, 'credentialID', findings)
      requireAlgorithms(request.body, findings)
      const { digests } = readDigests(request.body, findings)
      const { credential } = await namedCredential({ ...deps, quirk }, caller, name)
      const of = {
        provider: provider.id,
        clientId: party.clientId,
        credentialId: credential.id,
        sad: request.body.SAD
      }
      const { sad, expiresInS } =
        (await activations.sessionSad({ ...of, numSignatures: digests.length })) ??
        (await activations.extendSad({ ...of, digests }))
      return { SAD: sad, expiresIn: writeNumber(expiresInS, quirk) }
    }
  )
}
