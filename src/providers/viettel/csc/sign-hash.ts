import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { requireAlgorithms } from '../mysign/algorithms.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { readSpelled } from '../mysign/members.js'
import { signatureText } from '../mysign/signature-text.js'
import { namedCredential } from './credential.js'
import { readDigests } from './digests.js'
import { RedeemBody } from './redeem-body.js'

/** `signatures/signHash` (§4.4). A SAD signs once; `credentials/extendTransaction` gives the next. */
export const signHash: DialectRoutes = async (app, { access, provider, signing, quirk, ...deps }) => {
  app.post(
    '/csc/v1/signatures/signHash',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'Sign what was approved',
        body: RedeemBody,
        response: { 200: Type.Object({ signatures: Type.Array(Type.String()) }) }
      }
    },
    async (request) => {
      const caller = await callerOfEitherToken(request, { access }, provider.id)
      const { findings, party } = caller
      const name = readSpelled(request.body, 'credentialID', findings)
      requireAlgorithms(request.body, findings)
      const { digests } = readDigests(
        { ...request.body, numSignatures: request.body.numSignatures ?? request.body.hash.length },
        findings
      )
      const { credential } = await namedCredential({ ...deps, quirk }, caller, name)
      const signatures = await signing.sign({
        provider: provider.id,
        clientId: party.clientId,
        credentialId: credential.id,
        sad: request.body.SAD,
        usesSadUp: true,
        hash: 'SHA-256',
        scheme: { type: 'pkcs1', hash: 'SHA-256' },
        digests
      })
      return { signatures: signatures.map((signature) => signatureText(signature, quirk)) }
    }
  )
}
