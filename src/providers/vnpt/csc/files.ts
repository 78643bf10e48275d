import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Transaction } from '../../../transactions/transaction.js'

/** What is kept of files that are signed as a whole, beside their names: in the details of their transaction. */
const KeptFiles = Type.Array(
  Type.Object({
    /** Names it among the documents that wait for their signature. */
    documentId: Type.String(),
    type: Type.Union([Type.Literal('pdf'), Type.Literal('xml')]),
    /** Octets, as it was sent. */
    size: Type.Integer(),
    /** Of what was sent, base64. */
    sha256: Type.String()
  })
)
export type KeptFile = Static<typeof KeptFiles>[number]
export type FileType = KeptFile['type']

/** Null: the transaction is over digests. */
export const filesOf = ({ details }: Pick<Transaction, 'details'>): readonly KeptFile[] | null =>
  Value.Check(KeptFiles, details.files) ? details.files : null

/** By the end of the name; null: not one that is signed here. */
export function fileTypeOf(name: string): FileType | null {
  const ending = /\.(pdf|xml)$/i.exec(name)?.[1]?.toLowerCase()
  return ending === 'pdf' || ending === 'xml' ? ending : null
}
