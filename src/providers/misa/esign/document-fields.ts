import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'

/** Documents in one request. */
const documentsMax = 10

/** Base64 of a certificate or of what is signed. */
export const shortText = 16 * 1024

export const documentId = Type.String({
  minLength: 1,
  maxLength: 36,
  pattern: '^\\P{C}+$',
  description: 'Of your own; repeated in the answer'
})
export const certificateFields = {
  certificate: Type.String({ minLength: 1, maxLength: shortText, description: 'As it is listed' }),
  certificateChain: Type.Optional(
    Type.Array(Type.String({ maxLength: shortText }), {
      maxItems: 5,
      description: 'As it is listed; ours is used'
    })
  )
}

/** What is known of the real service, and not done here. */
export const officeFields = {
  wordDocs: Type.Optional(Type.Array(Type.Unknown(), { maxItems: documentsMax })),
  excelDocs: Type.Optional(Type.Array(Type.Unknown(), { maxItems: documentsMax }))
}
/** A list of documents; one that is there and empty is refused in MISA's own words. */
export const documentList = <Item extends Parameters<typeof Type.Array>[0]>(item: Item) =>
  Type.Optional(Type.Array(item, { maxItems: documentsMax }))

/** @throws ServiceError `not_offered`, `request_invalid`. */
export function requireDocuments(lists: Readonly<Record<string, readonly unknown[] | undefined>>): void {
  for (const kind of ['wordDocs', 'excelDocs'])
    if (lists[kind] !== undefined)
      throw new ServiceError('not_offered', `${kind} are not offered`, {
        says: `${kind} are not offered: hash the document yourself, and send its DigestInfo to Signing/hash.`,
        field: kind
      })
  const sent = Object.entries(lists).filter(([, list]) => list !== undefined)
  const empty = sent.length === 0 ? 'pdfDocs' : sent.find(([, list]) => list?.length === 0)?.[0]
  if (empty !== undefined)
    throw new ServiceError('request_invalid', 'no documents', {
      says: 'Phải có ít nhất 1 tài liệu',
      field: empty
    })
}
