import type { CallbackShape } from '../../delivery/delivery.js'

/**
 * What is posted to a `response_uri` (CSC API v2 §11.10 leaves its form open): that there is something to fetch, and
 * no signatures. Any 2xx acknowledges it.
 */
export const notification: CallbackShape = {
  body: ({ id, state }) => ({ responseID: id, status: state === 'signed' ? 'signed' : 'failed' }),
  acknowledges: ({ status }) => status >= 200 && status <= 299,
  token: null
}
