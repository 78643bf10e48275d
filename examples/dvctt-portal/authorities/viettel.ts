/** VIETTEL SMART CA: the MySign gateway (`/vtss/service`). A login of the portal for the person, without a password. */
import { type Static, Type } from 'typebox'
import { type Answer, call, detailOf, shaped } from './call.js'
import { readCertificates } from './certificates.js'
import { type Complaint, complain } from './complaints.js'
import type { AuthorityOptions, RemoteAuthority, SignatureOutcome, SignerLogin } from './remote-authority.js'
import { Session } from './session.js'
import { base64, clipped, failures, outcomeOf, requireDocuments } from './signatures.js'

const label = 'VIETTEL SMART CA'
const profile_id = 'adss:ras:profile:001'
const sha256 = '2.16.840.1.101.3.4.2.1'
const rsaEncryption = '1.2.840.113549.1.1.1'
/** Characters: names of documents must have fewer than 100. */
const textMax = { name: 99, description: 500 }

const Token = Type.Object({ access_token: Type.String({ minLength: 1 }) })
const Certificates = Type.Array(
  Type.Object({
    credential_id: Type.String({ minLength: 1 }),
    key: Type.Object({ status: Type.String() }),
    cert: Type.Object({ status: Type.String(), certificates: Type.Array(Type.String()) })
  })
)
const Started = Type.Object({ transactionId: Type.String({ minLength: 1 }) })
// A number in some replies, a string in others; the signatures come in the end.
const Standing = Type.Object({
  status: Type.Union([Type.String(), Type.Integer()]),
  signatures: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]))
})
const Failure = Type.Object({ error: Type.String() })

/** Failures by their code. */
const complaints: Readonly<Record<string, Complaint>> = {
  '58007': 'clientRefused',
  '86024': 'clientRefused',
  '58008': 'loginUnknown',
  '59033': 'loginUnknown',
  '60000': 'certificateMissing',
  '13004': 'certificateUnusable'
}

export function createViettel({ url, clientId, clientSecret }: AuthorityOptions): RemoteAuthority {
  const client = { client_id: clientId, client_secret: clientSecret }
  const post = (path: string, json: object, token?: string) => {
    const headers = { authorization: `Bearer ${token}` }
    return call(label, `${url}/vtss/service/${path}`, { json, ...(token === undefined ? {} : { headers }) })
  }

  /** A token lives an hour; after it the portal logs in again, since there is no refresh token. */
  async function logIn(login: SignerLogin): Promise<Session> {
    const newToken = async () => {
      const answer = await post('ras/v1/login', { ...client, user_id: login.name, profile_id })
      return succeeded(Token, answer).access_token
    }
    return new Session(await newToken(), newToken)
  }

  return {
    id: 'viettel',
    label,
    asksPassword: false,
    loginExample: 'CMT_0123456789',

    async certificates(login) {
      const session = await logIn(login)
      const wanted = { certificates: 'chain', certInfo: true, authInfo: true }
      const body = { ...client, profile_id, user_id: login.name, ...wanted }
      const listed = succeeded(
        Certificates,
        await session.send((token) => post('certificates/info', body, token))
      )
      const usable = listed.filter(({ key, cert }) => key.status === 'enabled' && cert.status === 'valid')
      return readCertificates(
        label,
        usable.map(({ credential_id, cert }) => ({ keyId: credential_id, chain: cert.certificates }))
      )
    },

    async requestSignatures(login, certificate, documents, description) {
      requireDocuments(documents)
      const session = await logIn(login)
      const body = {
        ...client,
        credentialID: certificate.keyId,
        numSignatures: documents.length,
        description: base64(clipped(description, textMax.description)),
        documents: documents.map(({ name }, index) => ({
          document_id: `${index + 1}`,
          document_name: base64(clipped(name, textMax.name))
        })),
        hash: documents.map(({ digest }) => base64(digest)),
        hashAlgo: sha256,
        signAlgo: rsaEncryption,
        async: 1
      }
      // Sent again it would be another transaction, which asks the signer again: where the answer is lost, nothing is repeated.
      const { transactionId } = succeeded(
        Started,
        await session.send((token) => post('signHash', body, token))
      )
      return {
        transactionId,
        async outcome(): Promise<SignatureOutcome> {
          const answer = await session.send((token) => post('requests/status', { transactionId }, token))
          const { status, signatures } = succeeded(Standing, answer)
          switch (String(status)) {
            case '0':
            case '4000':
            case '6000':
              return { status: 'waiting' }
            case '1':
              return outcomeOf(certificate, documents, signatures ?? [])
            case '4001':
              return { status: 'expired' }
            case '4002':
              return { status: 'refused' }
            case '13004':
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
function succeeded<Schema extends Parameters<typeof shaped>[1]>(
  schema: Schema,
  answer: Answer
): Static<Schema> {
  if (answer.status === 200) return shaped(label, schema, answer)
  const { error } = shaped(label, Failure, answer)
  throw complain(label, complaints[error] ?? 'unexpected', detailOf(answer))
}
