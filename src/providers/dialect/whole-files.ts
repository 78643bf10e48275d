import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Documents } from '../../documents/documents.js'
import type { Pki } from '../../pki/pki.js'
import type { Transaction } from '../../transactions/transaction.js'

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

/**
 * Whether a transaction is over these very files. Their digests do not tell: a PDF is digested with the time of its
 * signature.
 * @param files By the names that the transaction's documents have.
 */
export function isOverFiles(
  transaction: Transaction,
  files: readonly { id: string; sha256: string }[]
): boolean {
  const before = filesOf(transaction)?.map(({ sha256 }, index) => [transaction.documentIds[index], sha256])
  return JSON.stringify(before) === JSON.stringify(files.map(({ id, sha256 }) => [id, sha256]))
}

/** The files with their signatures, in order; null while there is none, and once the file is no longer kept. */
export async function signedFiles(
  { documents, pki }: { documents: Pick<Documents, 'find' | 'complete'>; pki: Pick<Pki, 'chain'> },
  transaction: Transaction
): Promise<(Uint8Array | null)[]> {
  const signed: (Uint8Array | null)[] = []
  for (const [index, { documentId }] of (filesOf(transaction) ?? []).entries()) {
    const signature = transaction.signatures?.[index]
    const prepared = signature === undefined ? null : await documents.find(transaction, { id: documentId })
    signed.push(
      prepared === null || signature === undefined
        ? null
        : documents.complete(prepared, signature, pki.chain(transaction.provider))
    )
  }
  return signed
}
