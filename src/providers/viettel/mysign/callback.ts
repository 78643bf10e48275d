import type { CallbackAnswer, CallbackShape } from '../../../delivery/delivery.js'
import { standingOf } from './states.js'
import { offsetTime } from './times.js'

/** `status_code` by which a receiver says that it has understood. */
const understood = '00'

/** The webhook of `async` 3 (§4.3): a token from the relying party first, then the outcome under it. */
export const callback: CallbackShape = {
  body(transaction) {
    const { id, createdAt, documentIds, signatures } = transaction
    const at = transaction.endedAt ?? createdAt
    const { status, description } = standingOf(transaction)
    return {
      meta_data: {
        request_id: `VIETTEL_${id}_${at.getTime()}`,
        transaction_id: id,
        description,
        status
      },
      data: {
        action_timestamp: offsetTime(at),
        signature_timestamp: signatures === null ? null : offsetTime(at),
        results: (signatures ?? []).map((signature, index) => ({
          document_id: documentIds[index] ?? '',
          signature: Buffer.from(signature).toString('base64')
        }))
      }
    }
  },
  acknowledges: (answer) => memberOf(accepted(answer), 'status_code') === understood,
  token: {
    query: ({ clientId, clientSecret }) => ({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret
    }),
    read(answer) {
      const body = accepted(answer)
      if (memberOf(body, 'status_code') !== understood) return null
      const token = memberOf(memberOf(body, 'data'), 'access_token')
      return typeof token === 'string' && token !== '' ? token : null
    }
  }
}

/** What came with a success; null otherwise. */
const accepted = ({ status, body }: CallbackAnswer): unknown => (status >= 200 && status < 300 ? body : null)

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
