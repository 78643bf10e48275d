/** VNPT SMART CA: the OAuth and CSC variant. The person's password buys the portal a token (RFC 6749 §4.3). */
import { randomUUID } from 'node:crypto'
import { type Static, type TSchema, Type } from 'typebox'
import { type Answer, call, detailOf, shaped } from './call.js'
import { readCertificates } from './certificates.js'
import { type Complaint, complain, NoAnswer } from './complaints.js'
import type { AuthorityOptions, RemoteAuthority, SignatureOutcome } from './remote-authority.js'
import type { Session } from './session.js'
import { base64, clipped, failures, outcomeOf, requireDocuments } from './signatures.js'
import { createVnptLogin } from './vnpt-login.js'

const label = 'VNPT SMART CA'
/** Characters. */
const textMax = { name: 200, description: 500 }
/** A person has few; each is looked at by a call of its own. */
const credentialsMax = 20

const envelopeOf = <Content extends TSchema>(content: Content) =>
  Type.Object({ code: Type.Literal(0), content })
const Failure = Type.Object({ code: Type.Integer() })
const Credentials = envelopeOf(Type.Array(Type.String({ minLength: 1 })))
/** The one answer without the envelope. */
const Credential = Type.Object({
  key: Type.Object({ status: Type.String() }),
  cert: Type.Object({ status: Type.String(), certificates: Type.Array(Type.String()) })
})
const Started = envelopeOf(Type.Object({ tranId: Type.String({ minLength: 1 }) }))
const Standing = envelopeOf(
  Type.Object({
    tranStatus: Type.Integer(),
    documents: Type.Array(Type.Object({ sig: Type.Optional(Type.Union([Type.String(), Type.Null()])) }))
  })
)

/** Failures by their code. */
const complaints: Readonly<Record<number, Complaint>> = {
  401: 'clientRefused',
  60000: 'certificateMissing',
  60001: 'certificateUnusable'
}

export function createVnpt({ url, clientId, clientSecret }: AuthorityOptions): RemoteAuthority {
  const logIn = createVnptLogin({ label, url, clientId, clientSecret })
  const post = (session: Session, path: string, json: object) =>
    session.send((token) =>
      call(label, `${url}/csc/${path}`, { json, headers: { authorization: `Bearer ${token}` } })
    )

  return {
    id: 'vnpt',
    label,
    asksPassword: true,
    loginExample: '001088035895',

    async certificates(login) {
      const session = await logIn(login)
      const { content } = succeeded(Credentials, await post(session, 'credentials/list', {}))
      const wanted = { certificates: 'chain', certInfo: true, authInfo: true }
      const listed = []
      for (const credentialId of content.slice(0, credentialsMax)) {
        const answer = await post(session, 'credentials/info', { credentialId, ...wanted })
        const { key, cert } = succeeded(Credential, answer)
        if (key.status === 'ENABLED' && cert.status === 'VALID')
          listed.push({ keyId: credentialId, chain: cert.certificates })
      }
      return readCertificates(label, listed)
    },

    async requestSignatures(login, certificate, documents, description) {
      requireDocuments(documents)
      const session = await logIn(login)
      const body = {
        credentialId: certificate.keyId,
        // Made once: under the same id the same request is the same transaction, so a lost answer may be asked for again.
        refTranId: randomUUID(),
        description: clipped(description, textMax.description),
        datas: documents.map(({ name, digest }) => ({
          name: clipped(name, textMax.name),
          hash: base64(digest)
        }))
      }
      const ask = () => post(session, 'signature/signhash', body)
      const answer = await ask().catch((error: unknown) => {
        if (error instanceof NoAnswer) return ask()
        throw error
      })
      const { tranId } = succeeded(Started, answer).content
      return {
        transactionId: tranId,
        async outcome(): Promise<SignatureOutcome> {
          const standing = succeeded(
            Standing,
            await post(session, 'credentials/gettraninfo', { tranId })
          ).content
          switch (standing.tranStatus) {
            case 4000:
              return { status: 'waiting' }
            case 1:
              return outcomeOf(
                certificate,
                documents,
                standing.documents.map(({ sig }) => sig)
              )
            case 4001:
              return { status: 'expired' }
            case 4002:
              return { status: 'refused' }
            case 4003:
              return { status: 'failed', reason: failures.withdrawn }
            default:
              return { status: 'failed', reason: failures.unsigned }
          }
        }
      }
    }
  }
}

/** What a call answered, unless it failed. */
function succeeded<Schema extends TSchema>(schema: Schema, answer: Answer): Static<Schema> {
  if (answer.status === 200) return shaped(label, schema, answer)
  const { code } = shaped(label, Failure, answer)
  throw complain(label, complaints[code] ?? 'unexpected', detailOf(answer))
}
