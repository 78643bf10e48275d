import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Clock } from '../clock.js'
import type { Enrolment } from '../enrolment/create.js'
import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { Identifier, problemResponses } from '../http/schema.js'
import { type Pki, type RevocationReason, revocationReasons } from '../pki/pki.js'
import { actorOf } from './authentication.js'
import { CredentialView, credentialView, KeyAlgorithmName } from './credential-view.js'

/** What these routes translate for. */
export interface CredentialRoutes {
  enrolment: Pick<
    Enrolment,
    | 'issueCredential'
    | 'setPin'
    | 'publishCredential'
    | 'suspendCredential'
    | 'resumeCredential'
    | 'revokeCredential'
  >
  directory: Pick<Directory, 'freshCredential'>
  pki: Pick<Pki, 'describe' | 'chain'>
  now: Clock
}

const config = { area: 'credentials' as const }
const tags = ['credentials']

const Pin = Type.String({
  minLength: 4,
  maxLength: 32,
  pattern: '^[!-~]+$',
  description: 'For auth pin; without, six digits are made'
})
/** In the answer to the call that made it. */
const MadePin = Type.Optional(
  Type.String({ description: 'Where it was made here; shown once, absent in a replay' })
)

const IssueBody = Type.Object(
  {
    algorithm: KeyAlgorithmName,
    validDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 1826, description: 'Default 1095' })),
    publish: Type.Optional(
      Type.Boolean({ description: 'true: active at once; else issued, which cannot sign yet' })
    ),
    auth: Type.Optional(
      Type.Union(
        [Type.Literal('phone'), Type.Literal('pin'), Type.Literal('otp'), Type.Literal('oauth2code')],
        {
          description:
            'What is asked for before the challenge on the device: nothing (default), the PIN, a one-time code, a login'
        }
      )
    ),
    pin: Type.Optional(Pin),
    scal: Type.Optional(
      Type.Union([Type.Literal('1'), Type.Literal('2')], {
        description: '2 (default): the device confirms digests; 1: a number of signatures and an end time'
      })
    ),
    multisign: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 100' }))
  },
  { examples: [{ algorithm: 'RSA-2048', publish: true }] }
)

const Reason = Type.Unsafe<RevocationReason>(
  Type.String({ enum: Object.keys(revocationReasons), description: 'RFC 5280 §5.3.1' })
)
/** May be left out altogether. */
const ReasonBody = Type.Union([Type.Object({ reason: Type.Optional(Reason) }), Type.Null()], {
  examples: [{ reason: 'keyCompromise' }]
})

const calls = {
  publish: {
    summary: 'Publish: the certificate takes effect (issued → active)',
    description: '`reason` is for the audit.'
  },
  suspend: {
    summary: 'Suspend (active → suspended)',
    description:
      'certificateHold in the CRL, whatever reason the audit is told. Ends what waits or is confirmed.'
  },
  resume: { summary: 'Resume (suspended → active)', description: '`reason` is for the audit.' },
  revoke: {
    summary: 'Revoke, for good',
    description: 'Without a reason: unspecified; certificateHold is refused. Ends what waits or is confirmed.'
  }
} as const

/** `/operator/credentials`: key, certificate and status. */
export const credentials: FastifyPluginAsyncTypebox<CredentialRoutes> = async (app, deps) => {
  const { enrolment, directory, pki, now } = deps

  app.post(
    '/subscribers/:id/credentials',
    {
      config: { ...config, shownOnce: ['pin'] },
      schema: {
        tags,
        summary: 'Make a key in the HSM and issue its certificate',
        params: Type.Object({ id: Identifier }),
        body: IssueBody,
        response: {
          201: Type.Object({ ...CredentialView.properties, pin: MadePin }),
          ...problemResponses
        }
      }
    },
    async (request, reply) => {
      const { algorithm, validDays, publish, auth, pin, scal, multisign } = request.body
      const input = { algorithm, validDays, publish, auth, pin, scal, multisign }
      const issued = await enrolment.issueCredential(request.params.id, input, actorOf(request))
      const made = issued.pin === undefined ? {} : { pin: issued.pin }
      return reply.code(201).send({ ...credentialView(issued, pki, now()), ...made })
    }
  )

  app.get(
    '/credentials/:credentialID',
    {
      config,
      schema: {
        tags,
        summary: 'A credential',
        params: Type.Object({ credentialID: Identifier }),
        response: { 200: CredentialView, ...problemResponses }
      }
    },
    async ({ params }) => {
      const credential = await directory.freshCredential(params.credentialID)
      if (credential === null) throw new ServiceError('not_found', `no credential ${params.credentialID}`)
      return credentialView(credential, pki, now())
    }
  )

  app.post(
    '/credentials/:credentialID/pin',
    {
      config: { ...config, shownOnce: ['pin'] },
      schema: {
        tags,
        summary: 'Set another PIN',
        description: 'The one before is refused from now on. 409 unless the credential has auth pin.',
        params: Type.Object({ credentialID: Identifier }),
        body: Type.Union([Type.Object({ pin: Type.Optional(Pin) }), Type.Null()], {
          examples: [{ pin: '13579' }]
        }),
        response: { 200: Type.Object({ pin: MadePin }), ...problemResponses }
      }
    },
    async (request) => {
      const { credentialID } = request.params
      const pin = await enrolment.setPin(credentialID, request.body?.pin ?? null, actorOf(request))
      return pin === null ? {} : { pin }
    }
  )

  for (const call of ['publish', 'suspend', 'resume', 'revoke'] as const) {
    const change = enrolment[`${call}Credential`]
    app.post(
      `/credentials/:credentialID/${call}`,
      {
        config,
        schema: {
          tags,
          ...calls[call],
          params: Type.Object({ credentialID: Identifier }),
          body: ReasonBody,
          response: { 200: CredentialView, ...problemResponses }
        }
      },
      async (request) => {
        const reason = request.body?.reason ?? null
        return credentialView(await change(request.params.credentialID, reason, actorOf(request)), pki, now())
      }
    )
  }
}
