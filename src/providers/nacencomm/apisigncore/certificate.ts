import { Type } from 'typebox'
import { base64 } from '../../annex/certificates.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { isShown } from '../../dialect/signer.js'
import { anyId, ignoreBodies, readNames, sendBare } from './bare.js'
import { apiSignCorePath } from './paths.js'

/** `Getcert` (§6.2): a certificate by its id, which cannot be guessed. One that is not listed, and none, are "". */
export const certificate: DialectRoutes = async (app, { provider, directory, quirk }) => {
  ignoreBodies(app)
  app.post(
    `${apiSignCorePath}/Getcert`,
    {
      schema: {
        tags: ['Nacencomm APISigncore'],
        summary: 'A certificate',
        description: 'A JSON string: base64 of DER, or empty.',
        querystring: Type.Object({ idcts: anyId('cert_id of get_certificate') })
      },
      preValidation: readNames('idcts')
    },
    async ({ query }, reply) => {
      const found = await directory.credential(query.idcts)
      if (found?.provider !== provider.id || !isShown(found, quirk)) return sendBare(reply, '')
      const text = base64(found.certificate)
      return sendBare(reply, quirk('nacencomm.getcert-line-breaks') ? broken(text) : text)
    }
  )
}

/** As the MIME encoding breaks lines (RFC 2045 §6.8). */
const broken = (text: string): string => text.replace(/.{76}(?=.)/g, '$&\r\n')
