import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { LoginAdministration } from '../access/logins.js'
import type { Clock } from '../clock.js'
import type { Enrolment } from '../enrolment/create.js'
import type { Directory, Subscriber } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { encodeCursor, readPage } from '../http/pages.js'
import { Identifier, NextCursor, PageQuery, problemResponses, Timestamp } from '../http/schema.js'
import type { Pki } from '../pki/pki.js'
import { actorOf } from './authentication.js'
import { CredentialSummary, CredentialView, credentialSummary, credentialView } from './credential-view.js'
import { DeviceView, deviceView } from './device-view.js'

/** What these routes translate for. */
export interface SubscriberRoutes {
  enrolment: Pick<Enrolment, 'createSubscriber' | 'changeSubscriber' | 'listSubscribers' | 'setPassword'>
  logins: Pick<LoginAdministration, 'unlock'>
  directory: Pick<Directory, 'subscriber' | 'credentialsOf' | 'devicesOf'>
  pki: Pick<Pki, 'describe' | 'chain'>
  now: Clock
}

const config = { area: 'subscribers' as const }
const tags = ['subscribers']
const Params = Type.Object({ id: Identifier })

const nullable = (maxLength: number, description: string) =>
  Type.Union([Type.String({ minLength: 1, maxLength }), Type.Null()], { description })

const Organisation = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200 }),
  taxCode: Type.Optional(Type.String({ minLength: 1, maxLength: 32, description: 'Mã số thuế (MST)' })),
  budgetUnitCode: Type.Optional(Type.String({ minLength: 1, maxLength: 32, description: 'Mã ĐVQHNS' }))
})

/** What can be set and changed. Texts are stored in NFC; characters that cannot be seen are refused. */
const person = {
  login: Type.String({ minLength: 1, maxLength: 128, description: 'What relying parties call the person' }),
  fullName: Type.String({ minLength: 1, maxLength: 128 }),
  nationalId: Type.String({
    minLength: 1,
    maxLength: 32,
    description: '12 digits: CCCD; 9 digits: CMND; else passport (HC). Check digits are not verified'
  }),
  email: nullable(255, 'ASCII'),
  phone: nullable(32, 'As people write it'),
  secondFactor: Type.Union([Type.Literal('none'), Type.Literal('code')], {
    description: 'What is asked for beside the password; code: a one-time code is sent to the person'
  }),
  title: nullable(128, 'Title in the organisation'),
  organisation: Type.Union([Organisation, Type.Null()]),
  locality: nullable(128, 'L of the certificate'),
  province: nullable(128, 'ST of the certificate')
}
const { login, fullName, nationalId, ...optional } = person
const Password = Type.String({ minLength: 1, maxLength: 128 })

const example = {
  provider: 'vnpt',
  login: '001088035895',
  password: 'correct horse battery staple',
  fullName: 'Trần Thị Bình',
  nationalId: '001088035895',
  title: 'Chủ tài khoản',
  organisation: { name: 'Trường THCS Sông Lô', budgetUnitCode: '1001163' },
  province: 'Phú Thọ'
}

const CreateBody = Type.Object(
  {
    provider: Type.String({ minLength: 1, maxLength: 64 }),
    login,
    password: Type.Optional({ ...Password, description: 'Ignored where the provider asks none' }),
    fullName,
    nationalId,
    ...Type.Partial(Type.Object(optional)).properties
  },
  { examples: [example] }
)
const ChangeBody = Type.Partial(Type.Object(person), {
  description: 'What is given is changed; null takes away. Certificates issued before stay as they are',
  examples: [{ title: 'Kế toán trưởng', email: null }]
})

const subscriber = {
  id: Type.String(),
  provider: Type.String(),
  ...person,
  demo: Type.Boolean({ description: 'Made by the demo seed' }),
  createdAt: Timestamp
}
const SubscriberReply = Type.Object(subscriber)
const SubscriberDetail = Type.Object({
  ...subscriber,
  credentials: Type.Array(CredentialView, { description: 'RSA first, then in order of issue' }),
  devices: Type.Array(DeviceView, { description: 'Those not removed, oldest first' })
})
const SubscriberItem = Type.Object({
  ...subscriber,
  credentials: Type.Array(CredentialSummary),
  devices: Type.Array(DeviceView),
  integrity: Type.Union([Type.Literal('intact'), Type.Literal('broken')], {
    description:
      'broken: the row was changed in the database, or that of a credential or device; neither are shown then'
  })
})

/** `/operator/subscribers`: the people certificates are issued to. */
export const subscribers: FastifyPluginAsyncTypebox<SubscriberRoutes> = async (app, deps) => {
  const { enrolment, logins, directory, pki, now } = deps

  async function detail(of: Subscriber) {
    const [credentials, devices] = await Promise.all([
      directory.credentialsOf(of.id),
      directory.devicesOf(of.id)
    ])
    return {
      ...view(of),
      credentials: credentials.map((credential) => credentialView(credential, pki, now())),
      devices: devices.map(deviceView)
    }
  }

  /** One row that was tampered with must not hide everybody else. */
  async function item({ subscriber: of, intact }: { subscriber: Subscriber; intact: boolean }) {
    const broken = { ...view(of), credentials: [], devices: [], integrity: 'broken' as const }
    if (!intact) return broken
    try {
      const [credentials, devices] = await Promise.all([
        directory.credentialsOf(of.id),
        directory.devicesOf(of.id)
      ])
      return {
        ...view(of),
        credentials: credentials.map((credential) => credentialSummary(credential, pki, now())),
        devices: devices.map(deviceView),
        integrity: 'intact' as const
      }
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'integrity_broken') throw error
      return broken
    }
  }

  app.post(
    '/subscribers',
    {
      config,
      schema: {
        tags,
        summary: 'Enrol a subscriber',
        body: CreateBody,
        response: { 201: SubscriberReply, ...problemResponses }
      }
    },
    async (request, reply) =>
      reply.code(201).send(view(await enrolment.createSubscriber(request.body, actorOf(request))))
  )

  app.get(
    '/subscribers',
    {
      config,
      schema: {
        tags,
        summary: 'Find subscribers, oldest first',
        querystring: Type.Object({
          provider: Type.Optional(Type.String({ maxLength: 64 })),
          query: Type.Optional(
            Type.String({ maxLength: 128, description: 'Part of login, name or national id, in any case' })
          ),
          ...PageQuery
        }),
        response: {
          200: Type.Object({ items: Type.Array(SubscriberItem), nextCursor: NextCursor }),
          ...problemResponses
        }
      }
    },
    async ({ query }) => {
      const { after, limit } = readPage(query)
      const found = await enrolment.listSubscribers({
        provider: query.provider ?? null,
        query: query.query ?? null,
        after: after?.[0] ?? null,
        limit
      })
      const last = found.subscribers.at(-1)?.subscriber
      return {
        items: await Promise.all(found.subscribers.map(item)),
        nextCursor: found.more && last !== undefined ? encodeCursor([last.id]) : null
      }
    }
  )

  app.get(
    '/subscribers/:id',
    {
      config,
      schema: {
        tags,
        summary: 'A subscriber with credentials and devices',
        params: Params,
        response: { 200: SubscriberDetail, ...problemResponses }
      }
    },
    async ({ params }) => {
      const found = await directory.subscriber(params.id)
      if (found === null) throw new ServiceError('not_found', `no subscriber ${params.id}`)
      return detail(found)
    }
  )

  app.patch(
    '/subscribers/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change what is known of a subscriber',
        params: Params,
        body: ChangeBody,
        response: { 200: SubscriberDetail, ...problemResponses }
      }
    },
    async (request) => {
      const { params, body } = request
      return detail(await enrolment.changeSubscriber(params.id, onlyChanges(body), actorOf(request)))
    }
  )

  app.post(
    '/subscribers/:id/password',
    {
      config,
      schema: {
        tags,
        summary: 'Set the password',
        description: 'Without effect where the provider asks none.',
        params: Params,
        body: Type.Object(
          { password: Password },
          { examples: [{ password: 'correct horse battery staple' }] }
        ),
        response: { 204: Type.Null(), ...problemResponses }
      }
    },
    async (request, reply) => {
      await enrolment.setPassword(request.params.id, request.body.password, actorOf(request))
      return reply.code(204).send(null)
    }
  )

  app.post(
    '/subscribers/:id/unlock',
    {
      config,
      schema: {
        tags,
        summary: 'End the lockouts of the login',
        description: 'At every relying party. What was wrong before is forgotten.',
        params: Params,
        response: { 204: Type.Null({ description: 'Also when nothing was locked' }), ...problemResponses }
      }
    },
    async (request, reply) => {
      await logins.unlock(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  )
}

function view(of: Subscriber) {
  return { ...of, createdAt: of.createdAt.toISOString() }
}

/** Members a schema does not know are ignored, so they must not reach the row. */
function onlyChanges<Body extends object>(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([member]) => member in person)) as Body
}
