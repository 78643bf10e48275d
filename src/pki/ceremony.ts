import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { StartError } from '../errors.js'
import { timestampAuthority, tlsRoot } from './pki.js'

const Oid = Type.String({ pattern: '^[0-2](\\.(0|[1-9][0-9]*))+$', maxLength: 128 })
const Algorithm = Type.Union([
  Type.Literal('RSA-2048'),
  Type.Literal('RSA-3072'),
  Type.Literal('RSA-4096'),
  Type.Literal('P-256'),
  Type.Literal('P-384')
])
/** OCSP and time-stamps are asked for often, and pkijs writes an RSA identifier without the NULL that RFC 4055 §5 asks for. */
const FastAlgorithm = Type.Union([Type.Literal('P-256'), Type.Literal('P-384')])
const CaName = Type.Array(
  Type.Tuple([
    Type.Union([
      Type.Literal('C'),
      Type.Literal('L'),
      Type.Literal('O'),
      Type.Literal('OU'),
      Type.Literal('CN')
    ]),
    Type.String({ minLength: 1, maxLength: 64 })
  ]),
  { minItems: 1, maxItems: 8 }
)
const Authority = {
  name: CaName,
  algorithm: Algorithm,
  validYears: Type.Integer({ minimum: 1, maximum: 50 }),
  listValidDays: Type.Integer({ minimum: 1, maximum: 365 })
}
const SubjectPart = Type.Union([
  Type.Literal('C'),
  Type.Literal('ST'),
  Type.Literal('L'),
  Type.Literal('O'),
  Type.Literal('OU'),
  Type.Literal('T'),
  Type.Literal('CN'),
  Type.Literal('UID:organisation'),
  Type.Literal('UID:person'),
  Type.Literal('E')
])
const KeyUsage = Type.Union([
  Type.Literal('digitalSignature'),
  Type.Literal('nonRepudiation'),
  Type.Literal('keyEncipherment'),
  Type.Literal('dataEncipherment')
])
const LeafProfile = Type.Object(
  {
    /** 1 to 6 octets of which the first keeps the serial positive and without a leading zero. */
    serialPrefix: Type.String({ pattern: '^[1-7][0-9A-F]([0-9A-F]{2}){0,5}$' }),
    subject: Type.Array(SubjectPart, { minItems: 1, maxItems: 16 }),
    keyUsage: Type.Array(KeyUsage, { minItems: 1, maxItems: 4 }),
    extendedKeyUsage: Type.Object(
      { critical: Type.Boolean(), oids: Type.Array(Oid, { minItems: 1, maxItems: 8 }) },
      { additionalProperties: false }
    ),
    policy: Type.Object(
      {
        oid: Oid,
        cps: Type.Union([Type.String({ pattern: '^https?://[!-~]+$', maxLength: 255 }), Type.Null()])
      },
      { additionalProperties: false }
    ),
    email: Type.Object({ inSubject: Type.Boolean(), inSan: Type.Boolean() }, { additionalProperties: false })
  },
  { additionalProperties: false }
)
const Ceremony = Type.Object(
  {
    root: Type.Object(Authority, { additionalProperties: false }),
    timestamp: Type.Object(
      {
        name: CaName,
        algorithm: FastAlgorithm,
        validYears: Type.Integer({ minimum: 1, maximum: 50 }),
        policy: Oid,
        accuracyS: Type.Integer({ minimum: 1, maximum: 60 })
      },
      { additionalProperties: false }
    ),
    tls: Type.Object(
      {
        name: CaName,
        algorithm: FastAlgorithm,
        validYears: Type.Integer({ minimum: 1, maximum: 50 }),
        serverValidDays: Type.Integer({ minimum: 2, maximum: 90 })
      },
      { additionalProperties: false }
    ),
    authorities: Type.Array(
      Type.Object(
        {
          ...Authority,
          provider: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' }),
          responder: Type.Object(
            { algorithm: FastAlgorithm, validDays: Type.Integer({ minimum: 1, maximum: 366 }) },
            { additionalProperties: false }
          ),
          leaf: LeafProfile
        },
        { additionalProperties: false }
      ),
      { minItems: 1, maxItems: 32 }
    )
  },
  { additionalProperties: false }
)

/** The key ceremony as data: see `keys/README.md`, which explains every field. */
export type Ceremony = Static<typeof Ceremony>
/** An issuing CA of the ceremony. */
export type IssuingCeremony = Ceremony['authorities'][number]
/** How a provider's certificates look. */
export type LeafProfile = Static<typeof LeafProfile>
/** Attribute and value, in encoding order. */
export type CaName = Static<typeof CaName>

/**
 * Checks a ceremony.
 * @throws StartError with a sentence that names the value that is not acceptable.
 */
export function checkCeremony(data: unknown): Ceremony {
  if (!Value.Check(Ceremony, data)) {
    const [first] = Value.Errors(Ceremony, data)
    throw new StartError(
      `keys/ceremony.json: ${first?.instancePath || '/'} ${first?.message ?? 'is not acceptable'}.`
    )
  }
  for (const { name } of [data.root, data.timestamp, data.tls, ...data.authorities]) {
    const commonName = name.find(([type]) => type === 'CN')?.[1] ?? ''
    if (!commonName.includes('SIMULATED')) {
      throw new StartError(`keys/ceremony.json: the CN "${commonName}" does not carry the word SIMULATED.`)
    }
  }
  const providers = data.authorities.map(({ provider }) => provider)
  for (const [index, provider] of providers.entries()) {
    if (['root', timestampAuthority, tlsRoot].includes(provider) || providers.indexOf(provider) !== index) {
      throw new StartError(
        `keys/ceremony.json: the provider name "${provider}" is reserved or stands there twice.`
      )
    }
  }
  for (const { provider, leaf } of data.authorities) {
    if (leaf.extendedKeyUsage.oids.some((oid) => serverUsages.includes(oid))) {
      throw new StartError(`keys/ceremony.json: certificates of ${provider} must not be for servers.`)
    }
  }
  return data
}

/** id-kp-serverAuth, and anyExtendedKeyUsage, which says it too: what is for signing must not speak for a server. */
const serverUsages = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']

/** The ceremony of this package, `keys/ceremony.json`; read and checked at the first call. */
export function ceremony(): Ceremony {
  loaded ??= checkCeremony(
    JSON.parse(readFileSync(join(packageRoot(), 'keys', 'ceremony.json'), 'utf8')) as unknown
  )
  return loaded
}
let loaded: Ceremony | undefined

/**
 * The ceremony of this package with further issuing CAs, of providers that bring their own.
 * @throws StartError as `checkCeremony`.
 */
export function ceremonyWith(further: readonly IssuingCeremony[]): Ceremony {
  const packaged = ceremony()
  return checkCeremony({ ...packaged, authorities: [...packaged.authorities, ...further] })
}

/** The folder of package.json, whether this runs from `src/` or from `build/src/`. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) throw new Error('no package.json above src/pki/ceremony.ts')
    folder = dirname(folder)
  }
  return folder
}
