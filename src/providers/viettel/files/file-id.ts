import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Transaction } from '../../../transactions/transaction.js'

/** Files in one request to sign. */
export const filesMax = 10

/** 256 random bits in base64url, as `external/upload` answers them. */
export const fileId = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'As external/upload answered it'
})

/** Which document that waits for its signature is made of which file, in the details of their transaction. */
const KeptFiles = Type.Array(Type.Object({ fileId: Type.String(), documentId: Type.String() }))

/** Where a file stands among those of a transaction; null: it is none of them. */
export function placeOf(
  { details }: Pick<Transaction, 'details'>,
  id: string
): { index: number; documentId: string } | null {
  if (!Value.Check(KeptFiles, details.files)) return null
  const index = details.files.findIndex(({ fileId }) => fileId === id)
  const documentId = details.files[index]?.documentId
  return documentId === undefined ? null : { index, documentId }
}
