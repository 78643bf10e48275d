/** Nacencomm CA: CA2 remote signing. The portal proves itself in each body; of the person the login alone is named. */
import { randomUUID } from 'node:crypto'
import { type Static, type TSchema, Type } from 'typebox'
import { type Answer, call, detailOf, shaped } from './call.js'
import { readCertificates } from './certificates.js'
import { type Complaint, complain, NoAnswer } from './complaints.js'
import type { AuthorityOptions, DigestToSign, RemoteAuthority, SignatureOutcome } from './remote-authority.js'
import { base64, clipped, failures, outcomeOf, requireDocuments } from './signatures.js'

const label = 'Nacencomm CA'
/** Characters. */
const textMax = { name: 190, description: 500 }

const envelopeOf = <Data extends TSchema>(data: Data) =>
  Type.Object({ status_code: Type.Integer(), message: Type.String(), data })
const Failure = envelopeOf(Type.Unknown())
const Certificates = envelopeOf(
  Type.Object({
    user_certificates: Type.Array(
      Type.Object({
        cert_data: Type.String(),
        serial_number: Type.String({ minLength: 1 }),
        chain_data: Type.Object({ ca_cert: Type.String(), root_cert: Type.String() })
      })
    )
  })
)
const Started = envelopeOf(Type.Object({ transaction_id: Type.String() }))
const Signatures = Type.Array(Type.Object({ doc_id: Type.String(), signature_value: Type.String() }))
const Standing = envelopeOf(Type.Object({ signatures: Type.Union([Signatures, Type.Null()]) }))

/** Failures by status_code. */
const complaints: Readonly<Record<number, Complaint>> = {
  401: 'clientRefused',
  403: 'certificateUnusable'
}

export function createNacencomm({ url, clientId, clientSecret }: AuthorityOptions): RemoteAuthority {
  const post = (path: string, json: object) =>
    call(label, `${url}/api/data/${path}`, {
      json: { sp_id: clientId, sp_password: clientSecret, ...json }
    })

  return {
    id: 'nacencomm',
    label,
    asksPassword: false,
    loginExample: '036090001234',

    async certificates({ name }) {
      const body = { user_id: name, serial_number: '', transaction_id: randomUUID() }
      const { user_certificates } = succeeded(Certificates, await post('get_certificate', body)).data
      if (user_certificates.length === 0) throw complain(label, 'loginUnknown', 'no certificates')
      return readCertificates(
        label,
        user_certificates.map(({ cert_data, serial_number, chain_data }) => ({
          keyId: serial_number,
          chain: [cert_data, chain_data.ca_cert, chain_data.root_cert]
        }))
      )
    },

    async requestSignatures({ name }, certificate, documents, description) {
      requireDocuments(documents)
      // Made once: under the same id the same request is the same transaction, so a lost answer may be asked for again.
      const transactionId = randomUUID()
      const who = { user_id: name, transaction_id: transactionId }
      const body = {
        ...who,
        transaction_desc: clipped(description, textMax.description),
        serial_number: certificate.keyId,
        time_stamp: '',
        sign_files: documents.map((document, index) => ({
          data_to_be_signed: base64(document.digest),
          doc_id: docId(document, index),
          file_type: 'pdf',
          sign_type: 'hash'
        }))
      }
      const ask = () => post('sign', body)
      const answer = await ask().catch((error: unknown) => {
        if (error instanceof NoAnswer) return ask()
        throw error
      })
      succeeded(Started, answer)
      return {
        transactionId,
        async outcome() {
          const answer = await post('status', who)
          if (answer.status === 403) return { status: 'failed', reason: failures.withdrawn }
          return outcomeFrom(succeeded(Standing, answer))
        }
      }

      function outcomeFrom({ message, data }: Static<typeof Standing>): SignatureOutcome {
        if (/từ chối/i.test(message)) return { status: 'refused' }
        if (/hết hạn/i.test(message)) return { status: 'expired' }
        const byId = new Map(data.signatures?.map(({ doc_id, signature_value }) => [doc_id, signature_value]))
        const values = documents.map((document, index) => byId.get(docId(document, index)) ?? '')
        if (values.includes('-2')) return { status: 'failed', reason: failures.unsigned }
        if (values.includes('')) return { status: 'waiting' }
        return outcomeOf(certificate, documents, values)
      }
    }
  }
}

/** Signatures are found again by it, and the signer reads it: so it is a name, and no other document's. */
const docId = ({ name }: DigestToSign, index: number): string =>
  clipped(`${index + 1}. ${name}`, textMax.name)

/** What a call answered, unless it failed. */
function succeeded<Schema extends TSchema>(schema: Schema, answer: Answer): Static<Schema> {
  const { status_code } = shaped(label, Failure, answer)
  if (status_code === 200) return shaped(label, schema, answer)
  throw complain(label, complaints[status_code] ?? 'unexpected', detailOf(answer))
}
