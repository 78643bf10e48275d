import { Type } from 'typebox'
import { numberText } from '../mysign/fields.js'

/** As listed; the name is read in any spelling, so that a diagnosis can say which is right. */
export const credentialName = Type.Optional(
  Type.String({ maxLength: 256, description: 'As credentials/list has it' })
)

export const sad = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Signature activation data, as the last call answered it'
})

export const SadAnswer = Type.Object({
  SAD: Type.String({ description: 'In the place of the one before' }),
  expiresIn: numberText
})

/** Stand in examples for what calls answer. */
export const exampleCredentialId = '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11_1326198033_20261122083000'
export const exampleSad = 'AZqwxF0efDqPAGsfTwwtEXNhZCBvZiB0aGlzIHNlcnZlciBpcyByYW5kb20hISEh'
export const exampleDigests = {
  numSignatures: 1,
  documents: [{ document_id: 'UNC-0042', document_name: 'VW5jIDAwNDI=' }],
  hash: ['sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=']
}
export const exampleAlgorithms = {
  hashAlgo: '2.16.840.1.101.3.4.2.1',
  signAlgo: '1.2.840.113549.1.1.1'
}
