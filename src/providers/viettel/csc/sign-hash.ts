import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { requireAlgorithms } from '../mysign/algorithms.js'
import { callerOfEitherToken } from '../mysign/caller.js'
import { readSpelled } from '../mysign/members.js'
import { signatureText } from '../mysign/signature-text.js'
import { namedCredential } from './credential.js'
import { digestFields, readDigests } from './digests.js'
import {
  credentialName,
  exampleAlgorithms,
  exampleCredentialId,
  exampleDigests,
  exampleSad,
  sad
} from './fields.js'

const Body = Type.Object(
  {
    credentialID: credentialName,
    SAD: sad,
    ...digestFields,
    hashAlgo: Type.Optional(Type.String({ maxLength: 64, description: 'OID of SHA-256' })),
    signAlgo: Type.Optional(Type.String({ maxLength: 64, description: 'OID of rsaEncryption' }))
  },
  {
    examples: [
      { credentialID: exampleCredentialId, SAD: exampleSad, ...exampleDigests, ...exampleAlgorithms }
    ]
  }
)

/** `signatures/signHash` (§4.4). A SAD signs once; `credentials/extendTransaction` gives the next. */
export const signHash: DialectRoutes = async (app, { access, provider, signing, quirk, ...deps }) => {
  app.post(
    '/csc/v1/signatures/signHash',
    {
      schema: {
        tags: ['Viettel MySign CSC'],
        summary: 'Sign what was approved',
        body: Body,
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
