import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Credential } from '../../enrolment/enrolment.js'
import { releaseLargeBody, takeLargeBodies } from '../../http/large-bodies.js'
import { hasSerial } from '../annex/asking.js'
import { annexEnded } from '../annex/envelope.js'
import { ownName, SignFile, userId } from '../annex/fields.js'
import { stateMessages } from '../annex/state-messages.js'
import { fileText, readFile } from '../dialect/document-text.js'
import { readSentFile } from '../dialect/prepare-file.js'
import { waitForEnd } from '../dialect/waiting.js'
import { caName, providerOf } from './authority.js'
import { openFileTransaction } from './file-transaction.js'
import type { GatewayOptions } from './gateway.js'
import { answerSigned } from './signed-answer.js'
import { callerByToken } from './token.js'

/** Files in one request. */
const filesMax = 10
/** Characters of a certificate in base64. */
const certificateText = 16 * 1024

const Body = Type.Object(
  {
    user_id: userId,
    ca_name: caName,
    cert_data: Type.Optional(
      Type.String({ maxLength: certificateText, description: 'The certificate as listed; empty: any' })
    ),
    serial_number: Type.Optional(Type.String({ maxLength: 128, description: 'Empty: any' })),
    transaction_id: Type.Optional(
      Type.Union([Type.Literal(''), ownName('Of your own, new for each transaction')])
    ),
    transaction_desc: Type.Optional(Type.String({ maxLength: 500, description: 'Shown on the device' })),
    sign_files: Type.Array(
      Type.Object({
        doc_id: SignFile.properties.doc_id,
        file_name: Type.String({
          minLength: 1,
          maxLength: 200,
          pattern: '^[^\\p{Cc}\\p{Cs}]+$',
          description: 'Ends in .pdf or .xml; shown on the device'
        }),
        file_base64: fileText('The whole PDF or XML in base64')
      }),
      { minItems: 1, maxItems: filesMax }
    )
  },
  {
    examples: [
      {
        user_id: '036090001234',
        ca_name: 'CA2',
        serial_number: '',
        transaction_id: '3c0c27a3-4d0a-4c43-8e4b-5b8f7f0a9d22',
        sign_files: [{ doc_id: 'TK-0042', file_name: 'to-khai.pdf', file_base64: 'JVBERi0xLjcK…' }]
      }
    ]
  }
)

/** `/sign_v2/sign_file` (§7): whole files, by token. Answers when the subscriber has, since no other call brings them. */
export const signFile: FastifyPluginAsyncTypebox<GatewayOptions> = async (app, options) => {
  takeLargeBodies(app, { members: ['file_base64'] })
  app.post(
    '/sign_v2/sign_file',
    {
      schema: {
        tags: ['NEAC gateway'],
        summary: 'Have a CA sign whole files, and wait for them',
        description: 'By bearer token.',
        body: Body
      }
    },
    async (request, reply) => {
      const { transaction, names } = await open(request, request.body)
      // They are kept by now: nothing of their size waits along.
      request.body.sign_files = []
      releaseLargeBody(request)
      const ended = await waitForEnd(options, transaction, reply)
      const { state } = ended
      if (state === 'cancelled' || state === 'failed') {
        const { status, body } = state === 'failed' ? annexEnded.failed : annexEnded.unusable
        reply.code(status)
        return body
      }
      return {
        status_code: 200,
        message: state === 'signed' ? 'Success' : stateMessages[state],
        data: {
          transaction_id: ended.name ?? ended.id,
          signFiles: state === 'signed' ? await answerSigned(options, ended, names) : null
        }
      }
    }
  )

  async function open(request: FastifyRequest, sent: Static<typeof Body>) {
    const { user_id, ca_name, cert_data = '', serial_number = '', sign_files, ...body } = sent
    const provider = providerOf(ca_name, options).id
    const caller = await callerByToken(request, options.access, provider)
    const files = sign_files.map(({ doc_id: id, file_name: name, file_base64: base64 }, index) => {
      const at = `sign_files[${index}]`
      const fields = { name: `${at}.file_name`, content: `${at}.file_base64` }
      return { id, ...readSentFile({ name, base64 }, { fields, digests: 'sign', files: request.files }) }
    })
    const is = namedBy(cert_data === '' ? null : readFile(cert_data, 'cert_data'), serial_number)
    const transaction = await openFileTransaction(options, {
      owner: caller.party,
      name: body.transaction_id || null,
      requestId: request.id,
      login: user_id,
      is,
      files,
      description: body.transaction_desc ?? ''
    })
    return { transaction, names: files.map(({ id, name }) => ({ id, name })) }
  }
}

/** Null: any will do. */
function namedBy(
  certificate: Uint8Array | null,
  serial: string
): ((credential: Credential) => boolean) | null {
  if (certificate === null && serial === '') return null
  return (credential) =>
    (certificate === null || Buffer.compare(certificate, credential.certificate) === 0) &&
    (serial === '' || hasSerial(serial)(credential))
}
