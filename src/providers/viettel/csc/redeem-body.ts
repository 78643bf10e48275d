import { Type } from 'typebox'
import { digestFields } from './digests.js'
import {
  credentialName,
  exampleAlgorithms,
  exampleCredentialId,
  exampleDigests,
  exampleSad,
  sad
} from './fields.js'

/** What a SAD is presented with: to sign, or for the next one. */
export const RedeemBody = Type.Object(
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
