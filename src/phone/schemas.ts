import { Type } from '@fastify/type-provider-typebox'
import { Timestamp } from '../http/schema.js'

/** Text that a display and PostgreSQL take: no control characters, no halves of surrogate pairs. */
const plain = '^[^\\p{Cc}\\p{Cs}]*$'
const NullableString = Type.Union([Type.String(), Type.Null()])

/** RFC 7518 §6.2.1. What exactly is accepted, enrolment decides: it explains a refusal better than a schema. */
const DeviceKey = Type.Object(
  { kty: Type.String(), crv: Type.String(), x: Type.String(), y: Type.String() },
  { description: 'JWK of an EC P-256 public key', additionalProperties: true }
)

export const EnrolBody = Type.Object({
  activationCode: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'From the operator; used once',
    examples: ['7Q2M9KX4T0BHD3WP']
  }),
  name: Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: plain,
    description: 'What its owner calls it'
  }),
  platform: Type.String({ minLength: 1, maxLength: 64, pattern: plain, description: 'Free text' }),
  publicKey: DeviceKey,
  webauthn: Type.Optional(
    Type.Object(
      {
        credentialId: Type.String({ minLength: 1, maxLength: 1364, description: 'base64url' }),
        publicKey: Type.Object(
          { kty: Type.String() },
          { description: 'JWK: EC P-256 (ES256) or RSA (RS256)', additionalProperties: true }
        )
      },
      {
        description: 'A WebAuthn credential: it then has to assert every confirmation with user verification'
      }
    )
  )
})

export const EnrolReply = Type.Object({
  deviceId: Type.String(),
  audience: Type.String({ description: 'The `aud` of every token this device makes' }),
  subscriber: Type.Object({ id: Type.String(), fullName: Type.String() })
})

/** What the device shows, and what `displayHash` is over. */
export const ChallengeReply = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal('digests'), Type.Literal('session'), Type.Literal('device')]),
  audience: Type.String(),
  clientId: Type.String(),
  relyingParty: Type.String({ description: 'Its registered name' }),
  credentialID: NullableString,
  hashAlgorithmOID: NullableString,
  description: Type.String(),
  numSignatures: Type.Integer(),
  validUntil: NullableString,
  documents: Type.Array(Type.Object({ name: Type.String(), digest: Type.String({ description: 'base64' }) })),
  nonce: Type.String(),
  createdAt: Timestamp,
  expiresAt: Timestamp,
  displayHash: Type.String({
    description: 'base64url(SHA-256(RFC 8785 canonical JSON of the challenge without displayHash))'
  })
})

/** An id with other characters names nothing, and PostgreSQL would choke on some. */
export const ChallengeParams = Type.Object({ id: Type.String({ pattern: '^[!-~]{1,64}$' }) })

export const ConfirmBody = Type.Object({
  token: Type.String({
    minLength: 1,
    maxLength: 8192,
    description: 'The biometric challenge token',
    examples: ['eyJhbGciOiJFUzI1NiIsInR5cCI6ImJpb21ldHJpYy1jaGFsbGVuZ2Urand0In0.e30.c2ln']
  })
})
export const ConfirmReply = Type.Object({ status: Type.Literal('confirmed') })

/** The body may be left out. */
export const RejectBody = Type.Union(
  [Type.Object({ reason: Type.Optional(Type.String({ maxLength: 200, pattern: plain })) }), Type.Null()],
  { examples: [{ reason: 'Không phải tôi yêu cầu' }] }
)
export const RejectReply = Type.Object({ status: Type.Literal('rejected') })
