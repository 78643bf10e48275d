import { ServiceError } from '../../errors.js'
import type { Transaction } from '../../transactions/transaction.js'
import { base64 } from '../annex/certificates.js'
import type { DialectDeps } from '../dialect/dialect.js'
import { signedFiles } from '../dialect/whole-files.js'

/**
 * `signFiles` of a transaction that is signed, in the order asked.
 * @param files As they were asked for.
 * @throws ServiceError `not_found` when they were signed so long ago that they are no longer kept.
 */
export async function answerSigned(
  deps: Pick<DialectDeps, 'documents' | 'pki'>,
  transaction: Transaction,
  files: readonly { id: string; name: string }[]
) {
  const signed = await signedFiles(deps, transaction)
  return files.map(({ id: doc_id, name: file_name }, index) => {
    const file = signed[index]
    if (file == null)
      throw new ServiceError('not_found', `the files of ${transaction.id} are not kept any more`, {
        says: 'The signed files are kept for an hour, and that is over: send them again under another transaction_id.'
      })
    return { doc_id, file_name, file_base64: base64(file) }
  })
}
