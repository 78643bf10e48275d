import { Type } from 'typebox'
import { type Credential, credentialStatus, type Subscriber } from '../../../enrolment/enrolment.js'
import { ServiceError } from '../../../errors.js'
import type { DialectOptions, DialectRoutes } from '../../dialect/dialect.js'
import { findSigner } from '../../dialect/signer.js'
import { guid, sameGuid } from './guid.js'
import { certificatesPath } from './paths.js'
import { subscriberOf } from './signer-token.js'
import { respell } from './spelling.js'

const Item = Type.Object(
  {
    userId: Type.String(),
    keyAlias: Type.String({ description: 'CertAlias of the call that signs' }),
    appName: Type.String(),
    keyStatus: Type.String({ description: 'ACTIVE or INACTIVE' }),
    certificate: Type.String({ description: 'DER in base64' }),
    certiticateChain: Type.Optional(Type.Array(Type.String(), { description: 'Leaf, issuing CA, root' })),
    certificateChain: Type.Optional(Type.Array(Type.String())),
    certStatus: Type.String({ description: 'ACTIVE or INACTIVE' }),
    effectiveDate: Type.String(),
    expirationDate: Type.String(),
    emailName: Type.Union([Type.String(), Type.Null()]),
    isAutoSign: Type.Literal(false, { description: 'No credential signs without its subscriber' })
  },
  { description: 'A certificate as it is used for remote signing' }
)
const tags = ['MISA eSign']

/** `Certificates/by-userId` and `by-certId` (§5.3): those of the person who logged in. */
export const certificates: DialectRoutes = async (app, { provider, ...deps }) => {
  const credentialsOf = async ({ login }: Subscriber) =>
    (await findSigner(deps, provider.id, login))?.credentials ?? []

  app.get(
    `${certificatesPath}/by-userId`,
    { schema: { tags, summary: 'Certificates of whoever logged in', response: { 200: Type.Array(Item) } } },
    async (request) => {
      const subscriber = subscriberOf(request)
      const credentials = await credentialsOf(subscriber)
      return credentials.map((credential) => itemOf(deps, subscriber, credential))
    }
  )

  app.get(
    `${certificatesPath}/by-certId`,
    {
      schema: {
        tags,
        summary: 'One certificate of whoever logged in',
        querystring: Type.Object({ certAlias: guid('keyAlias of the certificate') }),
        response: { 200: Item }
      },
      preValidation: respell('query', { certAlias: null })
    },
    async (request) => {
      const subscriber = subscriberOf(request)
      const { certAlias } = request.query
      const found = (await credentialsOf(subscriber)).find(({ id }) => sameGuid(id, certAlias))
      if (found === undefined)
        throw new ServiceError('not_found', `no certificate ${certAlias} of this subscriber`, {
          says: 'There is no such certificate.'
        })
      return itemOf(deps, subscriber, found)
    }
  )
}

function itemOf(
  { pki, now, quirk }: Pick<DialectOptions, 'pki' | 'now' | 'quirk'>,
  { id: userId, email }: Subscriber,
  credential: Credential
) {
  const status = credentialStatus(credential, now()) === 'active' ? 'ACTIVE' : 'INACTIVE'
  const chain = [credential.certificate, ...pki.chain(credential.provider)].map(base64)
  const certificate = base64(credential.certificate)
  return {
    userId,
    keyAlias: credential.id,
    appName: 'MISA eSign',
    keyStatus: status,
    certificate: quirk('misa.base64-line-breaks') ? broken(certificate) : certificate,
    [quirk('misa.misspelled-chain') ? 'certiticateChain' : 'certificateChain']: chain,
    certStatus: status,
    effectiveDate: credential.notBefore.toISOString(),
    expirationDate: credential.notAfter.toISOString(),
    emailName: email,
    isAutoSign: false as const
  }
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')

/** As the MIME encoding breaks lines (RFC 2045 §6.8). */
const broken = (text: string): string => text.replace(/.{76}(?=.)/g, '$&\r\n')
