import multipart from '@fastify/multipart'
import { Type } from 'typebox'
import { displayText } from '../../../activation/display-text.js'
import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { callerOfToken } from '../mysign/caller.js'
import { gateway } from '../mysign/paths.js'
import { multipartOptions, readUpload } from './parts.js'
import { readUploadRequest, UploadRequest } from './upload-request.js'

/** Characters of a file's name. */
const nameMax = 200
/** What a PDF begins with, among the first octets (ISO 32000-1 annex H.3). */
const pdfMark = { text: '%PDF-', within: 1024 }

/** For the description alone: the parts are read one by one. */
const Form = Type.Object(
  {
    request: UploadRequest,
    file: Type.String({ format: 'binary', description: 'The PDF' })
  },
  {
    examples: [
      {
        request: {
          render: 1,
          fontSize: 9,
          reason: 'Tôi duyệt',
          location: 'Hà Nội',
          document_name: 'UNC-0042.pdf',
          display: [{ page: 1, coorX: 330, coorY: 60, widthRectangle: 200, heightRectangle: 70 }]
        },
        file: '%PDF-1.7 ...'
      }
    ]
  }
)

/** `external/upload` (§4.3): keeps a PDF for an hour, and how its signature is to look. */
export const upload: DialectRoutes = async (app, { access, provider, uploads, ...deps }) => {
  await app.register(multipart, multipartOptions)

  app.post(
    `${gateway}/external/upload`,
    {
      schema: {
        tags: ['Viettel MySign files'],
        summary: 'Upload a PDF that is to be signed',
        description: 'Two parts: request, which is JSON, and then file.',
        consumes: ['multipart/form-data'],
        body: Form,
        response: { 200: Type.Object({ file_id: Type.String(), fileName: Type.String() }) }
      },
      validatorCompiler: () => () => true
    },
    async (request) => {
      const { party, findings, subscriber } = await callerOfToken(request, { access, ...deps }, provider.id)
      const parts = await readUpload(request, findings)
      const options = readUploadRequest(parts.request)
      if (!Buffer.from(parts.file.subarray(0, pdfMark.within)).includes(pdfMark.text))
        throw new ServiceError('request_invalid', 'a file that is no PDF', {
          says: 'The part file is no PDF.',
          field: 'file'
        })
      const fileName = displayText(options.document_name || parts.fileName || 'document.pdf', nameMax)
      const { provider: providerId, clientId } = party
      const { id, name } = await uploads.keep({
        owner: { provider: providerId, clientId, subscriberId: subscriber.id },
        name: fileName,
        document: parts.file,
        options
      })
      return { file_id: id, fileName: name }
    }
  )
}
