import { Type } from '@fastify/type-provider-typebox'

/** Text without control characters, which neither a display nor PostgreSQL would take. */
const noControls = '^[^\\u0000-\\u001f\\u007f]*$'

const Nullable = { anyOf: [{ type: 'string' }, { type: 'null' }] } as const
const NullableString = Type.Unsafe<string | null>(Nullable)

/** The public half of the device's key, RFC 7518 §6.2.1. A JWK that carries the private half (`d`) is refused. */
export const DeviceKey = Type.Object(
  {
    kty: Type.Literal('EC'),
    crv: Type.Literal('P-256'),
    x: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
    y: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
    d: Type.Optional(Type.Never())
  },
  { description: 'JWK of an EC P-256 public key' }
)

export const EnrolBody = Type.Object({
  activationCode: Type.String({ minLength: 1, maxLength: 64, description: 'From the operator; used once' }),
  name: Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: noControls,
    description: 'What its owner calls it'
  }),
  platform: Type.String({ minLength: 1, maxLength: 64, pattern: noControls, description: 'Free text' }),
  publicKey: DeviceKey
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
  createdAt: Type.String(),
  expiresAt: Type.String(),
  displayHash: Type.String({
    description: 'base64url(SHA-256(RFC 8785 canonical JSON of the challenge without displayHash))'
  })
})

export const ChallengeParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

export const ConfirmBody = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 8192, description: 'The biometric challenge token' })
})
export const ConfirmReply = Type.Object({ status: Type.Literal('confirmed') })

/** The body may be left out. */
export const RejectBody = Type.Union([
  Type.Object({ reason: Type.Optional(Type.String({ maxLength: 200, pattern: noControls })) }),
  Type.Null()
])
export const RejectReply = Type.Object({ status: Type.Literal('rejected') })
