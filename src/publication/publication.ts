import { createHash } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { ServiceError } from '../errors.js'
import { problemResponses } from '../http/schema.js'
import { type Pki, timestampAuthority, tlsRoot } from '../pki/pki.js'

/** Octets of an OCSP request, in a body or in base64 in a path. */
const ocspRequestLimit = 8192

/**
 * A status may change at any moment and must be seen then; a CA ends with its data folder and has a successor under the
 * same address. So a copy is asked about (ETag) before it is used.
 */
const caching = 'public, no-cache'

/** What has a certificate here and issues none to subscribers: nothing is asked of it by OCSP. */
const noIssuer: readonly string[] = ['root', timestampAuthority, tlsRoot]
/** Nothing stands above them. */
const roots: readonly string[] = ['root', tlsRoot]

/** The part of the CAs that everybody may see. */
export type Published = Pick<Pki, 'authority' | 'chain' | 'crl' | 'ocsp'>

const Name = Type.Object({
  name: Type.String({
    pattern: '^[a-z][a-z0-9-]{0,31}$',
    description: '`root`, `tsa`, `tls-root` or a provider'
  })
})
const Provider = Type.Object({
  provider: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$', description: 'A provider' })
})
const ProviderAndRequest = Type.Object({ ...Provider.properties, '*': Type.String() })
const file = (description: string, mediaType: string) => ({
  200: { description, content: { [mediaType]: { schema: Type.String({ format: 'binary' }) } } },
  ...problemResponses
})
const ocspAnswer = file('OCSPResponse, DER; also for what is refused', 'application/ocsp-response')

/**
 * The certificate repository: what relying parties fetch to check a certificate. Open to everybody, since it says
 * nothing that a certificate's holder may keep to himself.
 */
export const publication: FastifyPluginAsync<{ pki: Published }> = async (app, { pki }) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/ocsp-request',
    { parseAs: 'buffer', bodyLimit: ocspRequestLimit },
    (_request, body, done) => done(null, body)
  )

  app.get<{ Params: Static<typeof Name> }>(
    '/pki/:name.cer',
    {
      schema: {
        summary: 'CA certificate, DER',
        description:
          'The certificate of the simulated root, of a provider’s issuing CA or of the time-stamping authority (RFC 2585 §4.1); with TLS=on also `tls-root`, of which this server’s own certificate is.',
        tags: ['publication'],
        params: Name,
        response: file('Certificate, DER', 'application/pkix-cert')
      }
    },
    (request, reply) => {
      const certificate = pki.authority(request.params.name) ?? notFound(request.params.name)
      return send(request, reply, certificate, 'application/pkix-cert')
    }
  )

  app.get<{ Params: Static<typeof Name> }>(
    '/pki/:name.pem',
    {
      schema: {
        summary: 'CA certificate and those above it, PEM',
        description:
          'The same in PEM; for a provider and for `tsa` followed by the root, so that the file serves as a chain.',
        tags: ['publication'],
        params: Name,
        response: file('Certificates, PEM (RFC 8555 §9.1)', 'application/pem-certificate-chain')
      }
    },
    (request, reply) => {
      const { name } = request.params
      const certificate = pki.authority(name) ?? notFound(name)
      const chain = roots.includes(name) ? [certificate] : pki.chain(name)
      return send(request, reply, Buffer.from(chain.map(pem).join('')), 'application/pem-certificate-chain')
    }
  )

  app.get<{ Params: Static<typeof Name> }>(
    '/pki/:name.crl',
    {
      schema: {
        summary: 'Certificate revocation list, DER',
        description:
          'The present CRL (RFC 5280 §5, RFC 2585 §4.2). It is made anew as soon as a status has changed. A suspended certificate is in it with the reason certificateHold.',
        tags: ['publication'],
        params: Name,
        response: file('CertificateList, DER', 'application/pkix-crl')
      }
    },
    async (request, reply) => {
      const list = (await pki.crl(request.params.name)) ?? notFound(request.params.name)
      return send(request, reply, list, 'application/pkix-crl')
    }
  )

  app.post<{ Params: Static<typeof Provider> }>(
    '/pki/:provider/ocsp',
    {
      bodyLimit: ocspRequestLimit,
      schema: {
        summary: 'OCSP (POST)',
        description: 'An OCSPRequest, DER, as `application/ocsp-request` (RFC 6960 appendix A.1).',
        tags: ['publication'],
        params: Provider,
        consumes: ['application/ocsp-request'],
        response: ocspAnswer
      }
    },
    (request, reply) => answer(reply, request.params.provider, octetsOf(request.body))
  )

  app.get<{ Params: Static<typeof ProviderAndRequest> }>(
    '/pki/:provider/ocsp/*',
    {
      schema: {
        summary: 'OCSP (GET)',
        description:
          'The OCSPRequest as base64, percent-encoded, in the path (RFC 6960 appendix A.1). Slashes may stand as they are.',
        tags: ['publication'],
        params: ProviderAndRequest,
        response: ocspAnswer
      }
    },
    (request, reply) => answer(reply, request.params.provider, fromPath(request.params['*']))
  )

  app.get<{ Params: Static<typeof Provider> }>(
    '/pki/:provider/ocsp',
    {
      schema: {
        summary: 'OCSP without a request',
        description: 'Answers as to any request that cannot be read: malformedRequest.',
        tags: ['publication'],
        params: Provider,
        response: ocspAnswer
      }
    },
    (request, reply) => answer(reply, request.params.provider, new Uint8Array())
  )

  async function answer(reply: FastifyReply, provider: string, request: Uint8Array): Promise<FastifyReply> {
    if (noIssuer.includes(provider) || pki.authority(provider) === null) notFound(provider)
    const response = await pki.ocsp(provider, request)
    return reply
      .header('cache-control', 'no-cache')
      .type('application/ocsp-response')
      .send(Buffer.from(response))
  }
}

function notFound(name: string): never {
  throw new ServiceError('not_found', `no CA is called ${name}`)
}

/** Sends a file with a validator, or 304 to whoever has it (RFC 9110 §13.1.2). */
function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: Uint8Array,
  mediaType: string
): FastifyReply {
  const etag = `"${createHash('sha256').update(file).digest('base64url')}"`
  reply.header('etag', etag).header('cache-control', caching)
  const held = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  if (held.includes(etag) || held.includes('*')) return reply.code(304).send()
  return reply.type(mediaType).send(Buffer.from(file))
}

/** RFC 7468 §5. */
function pem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** The body as it was parsed; none at all is no request. */
function octetsOf(body: unknown): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array()
}

/** Standard base64, already percent-decoded. What is not becomes an empty request, which is malformed. */
function fromPath(base64: string): Uint8Array {
  const acceptable = base64.length <= ocspRequestLimit * 1.5 && /^[A-Za-z0-9+/]+={0,2}$/.test(base64)
  return acceptable ? Buffer.from(base64, 'base64') : new Uint8Array()
}
