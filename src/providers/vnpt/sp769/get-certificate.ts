import { Type } from 'typebox'
import { askedCredentials, certificateFields } from '../../annex/certificates.js'
import { certificateQuery, envelope } from '../../annex/fields.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { certificateStatusText } from './certificate-status.js'

const Body = Type.Object(certificateQuery, {
  examples: [
    {
      sp_id: 'dvctt',
      sp_password: 'dvctt-secret',
      user_id: '001088035895',
      serial_number: '',
      transaction_id: ''
    }
  ]
})

/** `/v1/credentials/get_certificate`, and `/v2`, which a public sample calls (§3.1.1). Nobody known: an empty list (I6). */
export const getCertificate: DialectRoutes = async (app, { provider, ...deps }) => {
  for (const version of ['v1', 'v2']) {
    app.post(
      `/sca/sp769/${version}/credentials/get_certificate`,
      {
        schema: {
          tags: ['VNPT sp769'],
          summary: 'Certificates of a subscriber',
          body: Body,
          response: {
            200: Type.Object({ ...envelope, data: Type.Object({}, { additionalProperties: true }) })
          }
        }
      },
      async (request) => {
        const { transaction_id = '' } = request.body
        const { signer, credentials } = await askedCredentials(request, deps, provider.id, request.body)
        const organisation = signer?.subscriber.organisation != null
        const user_certificates = credentials.map((credential) => {
          const { cert_data, ...fields } = certificateFields(deps.pki, credential)
          const { subject, notBefore, notAfter } = deps.pki.describe(credential.certificate)
          return {
            service_type: 'SMARTCA',
            service_name: organisation ? 'SMARTCA PERSONAL ENTERPRISE' : 'SMARTCA PERSONAL PRO',
            cert_status: certificateStatusText(credential, deps.now()),
            cert_subject: subject,
            cert_valid_from: notBefore.toISOString(),
            cert_valid_to: notAfter.toISOString(),
            ...fields,
            cert_data: deps.quirk('vnpt.base64-line-breaks') ? broken(cert_data) : cert_data,
            transaction_id
          }
        })
        return { status_code: 200, message: 'Success', data: { user_certificates } }
      }
    )
  }
}

/** As the MIME encoding breaks lines (RFC 2045 §6.8). */
const broken = (base64: string): string => base64.replace(/.{76}(?=.)/g, '$&\r\n')
