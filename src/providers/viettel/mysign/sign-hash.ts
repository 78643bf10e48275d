import { Type } from 'typebox'
import type { RelyingParty } from '../../../access/access.js'
import { callbackFor } from '../../../access/addresses.js'
import { ServiceError } from '../../../errors.js'
import type { Transaction } from '../../../transactions/transaction.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import type { Findings } from '../../dialect/findings.js'
import { requireSigner } from '../../dialect/signer.js'
import { waitForEnd } from '../../dialect/waiting.js'
import { callerOfBody } from './caller.js'
import { isNamed } from './credential-id.js'
import { readSignRequest, SignRequest } from './sign-request.js'
import { signatureText } from './signature-text.js'
import { failureOf, standingOf } from './states.js'

/** `transactions` knows the dialect by this name. */
export const mySignId = 'mysign'

/** `signHash` (§4.3): one confirmation for all digests of the request, which has no name that would make it repeatable. */
export const signHash: DialectRoutes = async (app, { access, provider, quirk, transactions, ...deps }) => {
  app.post(
    '/vtss/service/signHash',
    {
      schema: {
        tags: ['Viettel MySign'],
        summary: 'Ask for signatures, and wait for them with async 0',
        body: SignRequest,
        response: {
          200: Type.Union([
            Type.Object({ signatures: Type.Array(Type.String()) }),
            Type.Object({ transactionId: Type.String() })
          ])
        }
      }
    },
    async (request, reply) => {
      const { party, findings, subscriber } = await callerOfBody(
        request,
        { access, ...deps },
        provider.id,
        request.body
      )
      const order = readSignRequest(request.body, findings)
      const callbackUrl = order.async === 3 ? requireCallback(party, findings) : null
      const named = isNamed(order.credentialId)
      const { credential } = await requireSigner({ ...deps, quirk }, provider.id, subscriber.login, named)
      const { transaction } = await transactions.start({
        provider: provider.id,
        clientId: party.clientId,
        dialect: mySignId,
        name: null,
        requestId: request.id,
        subscriberId: subscriber.id,
        credentialId: credential.id,
        documents: order.documents,
        description: order.description,
        callbackUrl,
        details: {}
      })
      if (order.async !== 0) return { transactionId: transaction.id }

      const ended = await waitForEnd({ transactions, now: deps.now }, transaction, reply)
      return { signatures: signaturesOf(ended).map((signature) => signatureText(signature, quirk)) }
    }
  )
}

/** @throws ServiceError for one that has none: how it ended, or that it has not. */
function signaturesOf(transaction: Transaction): readonly Uint8Array[] {
  const { status, description } = standingOf(transaction)
  if (transaction.signatures !== null) return transaction.signatures
  const code = status === '1' ? 'internal' : failureOf[status]
  throw new ServiceError(code, `transaction ${transaction.id} is ${transaction.state}`, { says: description })
}

function requireCallback(party: RelyingParty, findings: Findings): string {
  const address = callbackFor(party)
  if (address !== null) return address
  return findings.refuse({
    code: 'callback_not_registered',
    field: 'async',
    found: 'async 3 posts the result, and no callback address is registered.',
    remedy: 'Have a callback address registered, or use async 1 and ask requests/status.'
  })
}
