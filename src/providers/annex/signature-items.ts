import type { Transaction } from '../../transactions/transaction.js'
import { base64 } from './certificates.js'

/** The signatures of a transaction as answers and callbacks carry them (§3.1.3); null as long as there are none. */
export function signatureItems({ signatures, documentIds }: Transaction) {
  if (signatures === null) return null
  return signatures.map((signature, index) => ({
    doc_id: documentIds[index] ?? '',
    signature_value: base64(signature),
    timestamp_signature: null
  }))
}
