/** MISA SMART CA: the eSign API. The person logs in with a MISA ID; what is sent to be signed is a whole DigestInfo. */
import { type Static, type TSchema, Type } from 'typebox'
import { type Answer, type Call, call, detailOf, shaped } from './call.js'
import { readCertificates } from './certificates.js'
import { complain } from './complaints.js'
import { createMisaLogin } from './misa-login.js'
import type { AuthorityOptions, RemoteAuthority, SignatureOutcome } from './remote-authority.js'
import type { Session } from './session.js'
import { base64, clipped, digestInfoOf, failures, outcomeOf, requireDocuments } from './signatures.js'

const label = 'MISA SMART CA'
const esrm = '/external/esrm/service'
/** Characters. */
const textMax = { name: 100, description: 500 }

const ListedCertificate = Type.Object({
  userId: Type.String({ minLength: 1 }),
  keyAlias: Type.String({ minLength: 1 }),
  keyStatus: Type.String(),
  // Spelled this way on the wire.
  certiticateChain: Type.Array(Type.String())
})
const Started = Type.Object({ transactionId: Type.String({ minLength: 1 }) })
const Text = Type.Union([Type.String(), Type.Null()])
const Standing = Type.Object({
  status: Type.String(),
  errorCode: Type.Optional(Text),
  errorDescription: Type.Optional(Text),
  signatures: Type.Optional(
    Type.Union([
      Type.Array(Type.Object({ documentId: Type.String(), signature: Type.String() })),
      Type.Null()
    ])
  )
})

export function createMisa({ url, clientId, clientSecret }: AuthorityOptions): RemoteAuthority {
  const client = { 'x-clientId': clientId, 'x-clientKey': clientSecret }
  const send = (path: string, { headers, ...rest }: Call) =>
    call(label, `${url}${path}`, { ...rest, headers: { ...client, ...headers } })
  const logIn = createMisaLogin(label, (path, json) => send(path, { json }))
  /** Calls for the person who logged in. The token has a header of its own. */
  const sendAs = (session: Session, path: string, rest: Call) =>
    session.send((token) =>
      send(`${esrm}${path}`, { ...rest, headers: { AuthorizationRM: `Bearer ${token}` } })
    )

  return {
    id: 'misa',
    label,
    asksPassword: true,
    loginExample: 'binh.le@example.vn',

    async certificates(login) {
      const session = await logIn(login)
      const answer = await sendAs(session, '/general/api/v1/Certificates/by-userId', { method: 'GET' })
      const listed = succeeded(Type.Array(ListedCertificate), answer)
      const active = listed.filter(({ keyStatus }) => keyStatus === 'ACTIVE')
      return readCertificates(
        label,
        active.map(({ userId, keyAlias, certiticateChain }) => ({
          keyId: `${userId}/${keyAlias}`, // both go into the signing call
          chain: certiticateChain
        }))
      )
    },

    async requestSignatures(login, certificate, documents, description) {
      requireDocuments(documents)
      const [UserId = '', CertAlias = ''] = certificate.keyId.split('/')
      const session = await logIn(login)
      const json = {
        DataToBeDisplayed: clipped(description, textMax.description),
        UserId,
        CertAlias,
        Documents: documents.map(({ name, digest }, index) => ({
          DocumentId: `${index + 1}`,
          FileToSign: base64(digestInfoOf(digest)),
          DocumentName: clipped(name, textMax.name)
        }))
      }
      // Sent again it would be another transaction, which asks the signer again: where the answer is lost, nothing is repeated.
      const started = await sendAs(session, '/signing/api/v1/Signing/hash', { json })
      const { transactionId } = succeeded(Started, started)
      const statusPath = `/signing/api/v1/Signing/status/${encodeURIComponent(transactionId)}`
      return {
        transactionId,
        async outcome(): Promise<SignatureOutcome> {
          const standing = succeeded(Standing, await sendAs(session, statusPath, { method: 'GET' }))
          if (standing.status === 'PENDING') return { status: 'waiting' }
          if (standing.status !== 'SUCCESS') return unsigned(standing)
          const byId = new Map(
            standing.signatures?.map(({ documentId, signature }) => [documentId, signature])
          )
          return outcomeOf(
            certificate,
            documents,
            documents.map((_, index) => byId.get(`${index + 1}`))
          )
        }
      }
    }
  }
}

/** `FAILED` says in its code whether the signer refused or did not answer. */
function unsigned({ errorCode, errorDescription }: Static<typeof Standing>): SignatureOutcome {
  switch (errorCode) {
    case 'e3001':
      return { status: 'refused' }
    case 'e3002':
      return { status: 'expired' }
    case 'e3003':
      return { status: 'failed', reason: failures.withdrawn }
    default:
      return { status: 'failed', reason: errorDescription ?? failures.unsigned }
  }
}

/** What a signing call answered, unless it failed. */
function succeeded<Schema extends TSchema>(schema: Schema, answer: Answer): Static<Schema> {
  switch (answer.status) {
    case 200:
      return shaped(label, schema, answer)
    case 401:
      throw complain(label, 'clientRefused', detailOf(answer))
    case 403:
      throw complain(label, 'certificateUnusable', detailOf(answer))
    case 404:
      throw complain(label, 'certificateMissing', detailOf(answer))
    default:
      throw complain(label, 'unexpected', detailOf(answer))
  }
}
