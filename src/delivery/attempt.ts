import { mayCallBack } from '../access/addresses.js'
import type { RelyingPartyLookup } from '../access/relying-parties.js'
import type { Transaction } from '../transactions/transaction.js'
import { type CallDeps, CallFailed, call } from './call.js'
import type { CallbackAnswer, CallbackShape, CallbackToken } from './delivery.js'
import type { ClaimedDelivery } from './needs.js'

/** A token that goes into a header. */
const tokenForm = /^[\x21-\x7e]{1,8192}$/

/** What an attempt stands on. */
export interface AttemptDeps extends CallDeps {
  transactionOf: (id: string) => Promise<Transaction | null>
  /** Null: its dialect posts nothing. */
  shapeOf: (transaction: Transaction) => CallbackShape | null
  access: Pick<RelyingPartyLookup, 'relyingParty' | 'callbackAuth'>
}

/** How an attempt ended. */
export interface AttemptEnd {
  /** `failed` may go better another time, `hopeless` may not. */
  end: 'acknowledged' | 'failed' | 'hopeless'
  httpStatus: number | null
  /** For an integrator; null: it was acknowledged. */
  detail: string | null
}

/**
 * Posts an outcome once, to an address that the relying party still has registered.
 * @throws what the database or the HSM throws: nothing was posted then.
 */
export async function attempt(
  deps: AttemptDeps,
  { id, transactionId, provider, clientId, url }: ClaimedDelivery,
  signal: AbortSignal
): Promise<AttemptEnd> {
  const [party, transaction] = await Promise.all([
    deps.access.relyingParty(provider, clientId),
    deps.transactionOf(transactionId)
  ])
  if (party === null) return hopeless('The relying party was removed.')
  if (!mayCallBack(party, url)) return hopeless('The relying party has this address no longer registered.')
  const shape = transaction === null ? null : deps.shapeOf(transaction)
  if (transaction === null || shape === null) return hopeless('There is nothing to be posted any more.')
  try {
    const token =
      shape.token === null ? null : await fetchToken(deps, shape.token, { provider, clientId }, signal)
    const answer = await call(
      deps,
      {
        method: 'POST',
        url: new URL(url),
        headers: { 'x-kyso-delivery': id, ...(token !== null && { authorization: `Bearer ${token}` }) },
        body: JSON.stringify(shape.body(transaction))
      },
      signal
    )
    if (shape.acknowledges(answer)) return { end: 'acknowledged', httpStatus: answer.status, detail: null }
    return { end: afterwards(shape), httpStatus: answer.status, detail: notAcknowledged(answer) }
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error
    // What this server broke off itself was nobody's answer.
    const end = signal.aborted ? 'failed' : afterwards(shape)
    return { end, httpStatus: error.httpStatus, detail: error.message }
  }
}

/** Null: the relying party has registered nothing to fetch one from. @throws CallFailed. */
async function fetchToken(
  deps: AttemptDeps,
  token: CallbackToken,
  { provider, clientId }: { provider: string; clientId: string },
  signal: AbortSignal
): Promise<string | null> {
  const auth = await deps.access.callbackAuth(provider, clientId)
  if (auth === null) return null
  const url = new URL(auth.url)
  const query = token.query({ clientId, clientSecret: auth.clientSecret })
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const failed = (why: string, httpStatus: number | null) =>
    new CallFailed(`Fetching a token at callbackAuthUrl: ${why}`, httpStatus)
  let answer: CallbackAnswer
  try {
    answer = await call(deps, { method: 'GET', url, headers: {}, body: null }, signal)
  } catch (error) {
    throw error instanceof CallFailed ? failed(error.message, error.httpStatus) : error
  }
  const value = token.read(answer)
  if (value === null) throw failed(`there is none in the answer ${answer.status}.`, answer.status)
  if (!tokenForm.test(value)) throw failed('what came is none.', answer.status)
  return value
}

const afterwards = ({ once = false }: CallbackShape): AttemptEnd['end'] => (once ? 'hopeless' : 'failed')

const hopeless = (detail: string): AttemptEnd => ({ end: 'hopeless', httpStatus: null, detail })

function notAcknowledged({ status, body }: CallbackAnswer): string {
  if (status < 200 || status > 299) return `The receiver answered ${status}.`
  return body === null
    ? `The receiver answered ${status} without JSON that acknowledges it.`
    : `The receiver answered ${status} with JSON that does not acknowledge it.`
}
