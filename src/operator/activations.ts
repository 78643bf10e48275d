import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { hashes } from '../hsm/hashes.js'
import { readPage, toPage } from '../http/pages.js'
import { Identifier, NextCursor, PageQuery, Timestamp } from '../http/schema.js'
import type { ActivationList, ListedActivation } from '../store/activation-list.js'

const Status = Type.Union(
  [
    Type.Literal('waiting'),
    Type.Literal('confirmed'),
    Type.Literal('spent'),
    Type.Literal('rejected'),
    Type.Literal('expired'),
    Type.Literal('cancelled')
  ],
  { description: 'waiting → confirmed → spent, or how else it ended' }
)
const NullableText = Type.Union([Type.String(), Type.Null()])
const NullableTime = Type.Union([Timestamp, Type.Null()])

const Reservation = Type.Object({
  id: Type.String(),
  serverId: Type.String({ description: 'The server process that took it, and the name of its audit chain' }),
  positions: Type.Array(Type.Integer(), { description: 'Which of the documents, from 0' }),
  scheme: Type.String({ description: 'How they were to be signed' }),
  reservedAt: Timestamp,
  outcome: Type.Union(
    [
      Type.Literal('signed'),
      Type.Literal('partly'),
      Type.Literal('refused'),
      Type.Literal('failed'),
      Type.Null()
    ],
    {
      description:
        'refused: definitely not signed, may be signed yet; failed: unknown, stays spent; null: with the HSM'
    }
  ),
  finishedAt: NullableTime,
  signatures: Type.Integer({ description: 'Signatures made' }),
  detail: NullableText
})
const ActivationView = Type.Object({
  id: Type.String({ description: 'The handle that CSC gives out, and the id of the challenge' }),
  provider: Type.String(),
  clientId: Type.String(),
  relyingParty: Type.String({ description: 'Its name as the device showed it' }),
  subscriberId: Type.String(),
  credentialID: Type.Union([Type.String(), Type.Null()], { description: 'null for kind device' }),
  kind: Type.Union([Type.Literal('digests'), Type.Literal('session'), Type.Literal('device')]),
  status: Status,
  description: Type.String(),
  hashAlgorithmOID: NullableText,
  numSignatures: Type.Integer(),
  documents: Type.Array(
    Type.Object({
      name: Type.String(),
      digest: Type.String({ description: 'base64' }),
      reserved: Type.Boolean({ description: 'Taken to be signed: see the reservations' })
    })
  ),
  validUntil: NullableTime,
  createdAt: Timestamp,
  expiresAt: Timestamp,
  confirmedAt: NullableTime,
  confirmedBy: Type.Union([Type.String(), Type.Null()], { description: 'deviceId' }),
  refusedTokens: Type.Integer({ description: 'Biometric challenge tokens that were refused' }),
  endedAt: NullableTime,
  endedReason: NullableText,
  reservations: Type.Array(Reservation)
})
const Activations = Type.Object({ items: Type.Array(ActivationView), nextCursor: NextCursor })

/** `/operator/activations`: what was asked, and how it ended. */
export const activationList: FastifyPluginAsyncTypebox<{ activationList: ActivationList }> = async (
  app,
  { activationList }
) => {
  app.get(
    '/activations',
    {
      config: { area: 'activations' },
      schema: {
        tags: ['activations'],
        summary: 'Activations, latest first',
        description:
          'What relying parties asked for, what the device showed, who confirmed it, and what was signed of it.',
        querystring: Type.Object({
          provider: Type.Optional(Identifier),
          clientId: Type.Optional(Identifier),
          subscriberId: Type.Optional(Identifier),
          credentialID: Type.Optional(Identifier),
          status: Type.Optional(Status),
          ...PageQuery
        }),
        response: { 200: Activations }
      }
    },
    async ({ query }) => {
      const { after, limit } = readPage(query)
      const found = await activationList.list({
        provider: query.provider ?? null,
        clientId: query.clientId ?? null,
        subscriberId: query.subscriberId ?? null,
        credentialId: query.credentialID ?? null,
        status: query.status ?? null,
        after: after?.[0] ?? null,
        limit: limit + 1
      })
      return toPage(found, limit, ({ activation }) => [activation.id], view)
    }
  )
}

function view({ activation, refusedTokens, confirmedByDeviceId, reservations }: ListedActivation) {
  const { id, provider, clientId, subscriberId, kind, status, description, numSignatures } = activation
  return {
    id,
    provider,
    clientId,
    relyingParty: activation.relyingPartyName,
    subscriberId,
    credentialID: activation.credentialId,
    kind,
    status,
    description,
    hashAlgorithmOID: activation.hash === null ? null : hashes[activation.hash].oid,
    numSignatures,
    documents: activation.digests.map((digest, index) => ({
      name: activation.documentNames[index] ?? '',
      digest: Buffer.from(digest).toString('base64'),
      reserved: activation.occurrences[index] === '1'
    })),
    validUntil: timeOrNull(activation.validUntil),
    createdAt: activation.createdAt.toISOString(),
    expiresAt: activation.expiresAt.toISOString(),
    confirmedAt: timeOrNull(activation.confirmedAt),
    confirmedBy: confirmedByDeviceId,
    refusedTokens,
    endedAt: timeOrNull(activation.endedAt),
    endedReason: activation.endedReason,
    reservations: reservations.map((reservation) => ({
      ...reservation,
      positions: [...reservation.positions],
      reservedAt: reservation.reservedAt.toISOString(),
      finishedAt: timeOrNull(reservation.finishedAt)
    }))
  }
}

const timeOrNull = (time: Date | null) => time?.toISOString() ?? null
