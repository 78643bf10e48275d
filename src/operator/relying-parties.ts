import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { RelyingParty } from '../access/access.js'
import { addressesMax, addressMaxLength } from '../access/addresses.js'
import { callbackAuthSecretMax } from '../access/callback-secret.js'
import type { RelyingPartyRegister } from '../access/relying-parties.js'
import { readPage, toPage } from '../http/pages.js'
import { Identifier, NextCursor, PageQuery, Timestamp } from '../http/schema.js'
import { actorOf } from './authentication.js'

const config = { area: 'relying-parties' } as const
const tags = ['relying parties']

const Name = Type.String({ minLength: 1, maxLength: 128, description: 'What devices show' })
const Address = Type.String({ minLength: 1, maxLength: addressMaxLength })
const addressRule =
  'https, or http on a loopback host; no user, no fragment. With SIMULATION=on the entry `loopback` stands for every address on 127.0.0.1, [::1] and localhost'
const Addresses = Type.Array(Address, { maxItems: addressesMax, description: addressRule })
const CallbackAuthUrl = Type.Union([Address, Type.Null()], {
  description: 'Where a token for callbacks is fetched; null: nowhere'
})
const CallbackAuthSecret = Type.String({
  minLength: 1,
  maxLength: callbackAuthSecretMax,
  description: 'The client_secret that we send there with the clientId, never shown again'
})
const Mode = Type.Union([Type.Literal('strict'), Type.Literal('lenient')], {
  description: 'lenient: what is unambiguous though wrong is accepted, and what was wrong is noted'
})

const members = {
  provider: Type.String(),
  clientId: Type.String({ description: 'Also what dialects call sp_id or x-clientid' }),
  name: Type.String(),
  redirectUris: Type.Array(Type.String()),
  callbackUrls: Type.Array(Type.String()),
  callbackAuthUrl: Type.Union([Type.String(), Type.Null()]),
  mode: Mode,
  demo: Type.Boolean({ description: 'Made by the demo seed: its secret is public' }),
  createdAt: Timestamp
}
const RelyingPartyView = Type.Object(members)
const ClientSecret = Type.Optional(
  Type.String({ description: '256 random bits, base64url; shown once, absent in a replay' })
)
const MadeCallbackAuthSecret = Type.Optional(
  Type.String({
    description:
      'For a new callbackAuthUrl that came without one: 256 random bits, base64url; shown once, absent in a replay'
  })
)
const changeable = {
  redirectUris: Type.Optional(Addresses),
  callbackUrls: Type.Optional(Addresses),
  callbackAuthUrl: Type.Optional(CallbackAuthUrl),
  callbackAuthSecret: Type.Optional(CallbackAuthSecret),
  mode: Type.Optional(Mode)
}
const CreateBody = Type.Object(
  { provider: Identifier, name: Name, ...changeable },
  {
    examples: [
      { provider: 'vnpt', name: 'Kế toán Sao Mai', redirectUris: ['https://ketoan.example.vn/ky-so/xong'] }
    ]
  }
)
const ChangeBody = Type.Object(
  { name: Type.Optional(Name), ...changeable },
  { examples: [{ mode: 'lenient' }] }
)
const Listed = Type.Object({
  ...members,
  integrity: Type.Union([Type.Literal('intact'), Type.Literal('broken')], {
    description: 'broken: the row was changed in the database; it is refused everywhere'
  })
})
const RelyingParties = Type.Object({ items: Type.Array(Listed), nextCursor: NextCursor })
const Path = Type.Object({ provider: Identifier, clientId: Identifier })

/** `/operator/relying-parties`: the systems that may ask for signatures. */
export const relyingParties: FastifyPluginAsyncTypebox<{ relyingParties: RelyingPartyRegister }> = async (
  app,
  { relyingParties: register }
) => {
  const one = '/relying-parties/:provider/:clientId'

  app.post(
    '/relying-parties',
    {
      config: { ...config, shownOnce: ['clientSecret', 'callbackAuthSecret'] },
      schema: {
        tags,
        summary: 'Register a relying party at a provider',
        description: 'The secret is in this answer and never again: only its SHA-256 is kept.',
        body: CreateBody,
        response: {
          201: Type.Object({
            ...members,
            clientSecret: ClientSecret,
            callbackAuthSecret: MadeCallbackAuthSecret
          })
        }
      }
    },
    async (request, reply) => {
      const { relyingParty, clientSecret, callbackAuthSecret } = await register.create(
        request.body,
        actorOf(request)
      )
      return reply
        .code(201)
        .send({ ...view(relyingParty), clientSecret, ...(callbackAuthSecret && { callbackAuthSecret }) })
    }
  )

  app.get(
    '/relying-parties',
    {
      config,
      schema: {
        tags,
        summary: 'Relying parties, by provider and clientId',
        description: 'Removed ones are not listed; the audit knows them.',
        querystring: Type.Object({ provider: Type.Optional(Identifier), ...PageQuery }),
        response: { 200: RelyingParties }
      }
    },
    async ({ query }) => {
      const { after, limit } = readPage(query, 2)
      const [provider, clientId] = after ?? []
      const found = await register.list({
        provider: query.provider ?? null,
        after: provider === undefined || clientId === undefined ? null : { provider, clientId },
        limit: limit + 1
      })
      return toPage(
        found,
        limit,
        ({ relyingParty }) => [relyingParty.provider, relyingParty.clientId],
        ({ relyingParty, intact }) => ({
          ...view(relyingParty),
          integrity: intact ? ('intact' as const) : ('broken' as const)
        })
      )
    }
  )

  app.get(
    one,
    {
      config,
      schema: { tags, summary: 'One relying party', params: Path, response: { 200: RelyingPartyView } }
    },
    async ({ params }) => view(await register.get(params.provider, params.clientId))
  )

  app.patch(
    one,
    {
      config,
      schema: {
        tags,
        summary: 'Change a relying party',
        description: 'What is absent stays as it is; a list replaces the whole list.',
        params: Path,
        body: ChangeBody,
        response: { 200: Type.Object({ ...members, callbackAuthSecret: MadeCallbackAuthSecret }) }
      }
    },
    async (request) => {
      const { provider, clientId } = request.params
      const { relyingParty, callbackAuthSecret } = await register.change(
        provider,
        clientId,
        request.body,
        actorOf(request)
      )
      return { ...view(relyingParty), ...(callbackAuthSecret && { callbackAuthSecret }) }
    }
  )

  app.delete(
    one,
    {
      config,
      schema: {
        tags,
        summary: 'Remove a relying party',
        description:
          'Its secret and its tokens are refused from now on; its clientId is not given out again.',
        params: Path,
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      await register.remove(request.params.provider, request.params.clientId, actorOf(request))
      return reply.code(204).send(null)
    }
  )

  app.post(
    `${one}/secret`,
    {
      config: { ...config, shownOnce: ['clientSecret'] },
      schema: {
        tags,
        summary: 'Replace the secret',
        description: 'The old secret is refused from now on. Tokens that were issued for it live on.',
        params: Path,
        response: { 201: Type.Object({ clientId: Type.String(), clientSecret: ClientSecret }) }
      }
    },
    async (request, reply) => {
      const { provider, clientId } = request.params
      const { clientSecret } = await register.replaceSecret(provider, clientId, actorOf(request))
      return reply.code(201).send({ clientId, clientSecret })
    }
  )
}

function view({ version: _, redirectUris, callbackUrls, createdAt, ...party }: RelyingParty) {
  return {
    ...party,
    redirectUris: [...redirectUris],
    callbackUrls: [...callbackUrls],
    createdAt: createdAt.toISOString()
  }
}
