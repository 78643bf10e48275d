import { type TString, Type } from 'typebox'

/** Documents in one request, at most; a credential's `multisign` may allow fewer. */
export const documentsMax = 1000
/** Characters of whatever a digest may be written as; a document sent in its place is told as such up to here. */
const digestTextMax = 256 * 1024

/** A relying party's own name for something: printable, without the spaces that get lost on the way. */
export const ownName = (description: string) =>
  Type.String({ minLength: 1, maxLength: 128, pattern: '^[!-~]+$', description })

/** Who calls, in every body of the national annex (Circular 15/2025/TT-BKHCN, Appendix III). */
export const spFields = {
  sp_id: Type.String({ minLength: 1, maxLength: 128, description: 'clientId of the relying party' }),
  sp_password: Type.String({ minLength: 1, maxLength: 256, description: 'Its secret' })
}

/** Text that a database keeps and an answer repeats as it is: without control characters and halves of characters. */
const plainText = '^[^\\p{Cc}\\p{Cs}]+$'

export const userId = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: plainText,
  description: 'Login of the subscriber: CCCD, CMND, passport number or tax code'
})

/** yyyyMMddHHmmss, with or without a Z; clients also send an empty one. */
export const timeStamp = Type.String({ maxLength: 32, pattern: '^([0-9]{14}Z?)?$' })

/** Clients that write null for what they leave out do so in a document as well. */
const orNull = (text: TString) => Type.Union([text, Type.Null()])

/** A document to be signed, of which only the digest is sent. */
export const SignFile = Type.Object({
  data_to_be_signed: Type.String({ maxLength: digestTextMax, description: 'The digest' }),
  doc_id: Type.String({
    minLength: 1,
    maxLength: 200,
    pattern: plainText,
    description: 'Shown on the device, repeated in answers'
  }),
  file_type: Type.Optional(orNull(Type.String({ maxLength: 32 }))),
  sign_type: Type.Optional(
    orNull(Type.String({ maxLength: 16, description: '`hash`, also when absent; `file` is not offered' }))
  )
})

export const SignFiles = Type.Array(SignFile, { minItems: 1, maxItems: documentsMax })

/** What `get_certificate` is sent in all of them. */
export const certificateQuery = {
  ...spFields,
  user_id: userId,
  serial_number: Type.Optional(Type.String({ maxLength: 128, description: 'Empty: all' })),
  transaction_id: Type.Optional(Type.String({ maxLength: 128 }))
}

/** What `sign` is sent in all of them. */
export const signFields = {
  ...spFields,
  user_id: userId,
  transaction_id: Type.Optional(
    Type.Union([Type.Literal(''), ownName('Of your own, new for each transaction')])
  ),
  transaction_desc: Type.Optional(Type.String({ maxLength: 500, description: 'Shown on the device' })),
  serial_number: Type.Optional(
    Type.String({ maxLength: 128, description: 'Empty: the first usable certificate' })
  ),
  time_stamp: Type.Optional(timeStamp),
  sign_files: SignFiles
}

/** The envelope of every answer. */
export const envelope = { status_code: Type.Integer(), message: Type.String() }
