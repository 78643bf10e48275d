import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ServiceError } from '../errors.js'
import { Identifier, Timestamp } from '../http/schema.js'
import type { RequestNote } from '../transactions/request-notes.js'
import type { Transaction } from '../transactions/transaction.js'

/** What is known of a request by its `X-Request-Id`. */
export interface RequestLookup {
  note(requestId: string): Promise<RequestNote | null>
  transaction(requestId: string): Promise<Transaction | null>
}

const NullableText = Type.Union([Type.String(), Type.Null()])

const Diagnosis = Type.Object({
  code: Type.String({ description: 'Names the mistake' }),
  field: NullableText,
  found: Type.String({ description: 'What was sent' }),
  remedy: Type.String({ description: 'What to send instead' })
})
const RequestView = Type.Object({
  requestId: Type.String(),
  provider: Type.String(),
  clientId: Type.String(),
  call: Type.Union([Type.String(), Type.Null()], {
    description: 'Method and path, where something was wrong'
  }),
  at: Timestamp,
  error: Type.Union([Type.String(), Type.Null()], { description: 'The code it was refused with' }),
  diagnoses: Type.Array(Diagnosis, {
    description: 'What a reading of it found wrong, and how to put it right'
  }),
  transaction: Type.Union([
    Type.Null(),
    Type.Object({
      id: Type.String({ description: 'Also of its activation and its challenge' }),
      dialect: Type.String(),
      transactionId: NullableText,
      state: Type.String(),
      reason: NullableText,
      endedAt: Type.Union([Timestamp, Type.Null()])
    })
  ])
})

/** `/operator/requests/{requestId}`: what a request had wrong, and what became of the transaction it opened. */
export const requests: FastifyPluginAsyncTypebox<{ requests: RequestLookup }> = async (app, { requests }) => {
  app.get(
    '/requests/:requestId',
    {
      config: { area: 'activations' },
      schema: {
        tags: ['activations'],
        summary: 'One request of a dialect',
        description:
          'By the X-Request-Id of its answer: what was wrong in it, also where it was accepted, and the transaction it opened. Notes are kept for 7 days.',
        params: Type.Object({ requestId: Identifier }),
        response: { 200: RequestView }
      }
    },
    async ({ params: { requestId } }) => {
      const [note, transaction] = await Promise.all([
        requests.note(requestId),
        requests.transaction(requestId)
      ])
      const of = note ?? transaction
      if (of === null) throw new ServiceError('not_found', `nothing is kept of request ${requestId}`)
      return {
        requestId,
        provider: of.provider,
        clientId: of.clientId,
        call: note?.call ?? null,
        at: (note?.at ?? transaction?.createdAt ?? new Date(0)).toISOString(),
        error: note?.error ?? null,
        diagnoses: (note?.diagnoses ?? []).map((diagnosis) => ({ ...diagnosis })),
        transaction: transaction === null ? null : viewOf(transaction)
      }
    }
  )
}

function viewOf({ id, dialect, name, state, reason, endedAt }: Transaction) {
  return { id, dialect, transactionId: name, state, reason, endedAt: endedAt?.toISOString() ?? null }
}
