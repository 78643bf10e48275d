import { Type } from 'typebox'
import { callbackFor } from '../../../access/addresses.js'
import { askToSign } from '../../annex/asking.js'
import { envelope, signFields } from '../../annex/fields.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'

const Body = Type.Object(
  {
    ...signFields
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '001088035895',
        transaction_id: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
        transaction_desc: 'Uỷ nhiệm chi 0042',
        serial_number: '',
        time_stamp: '20261122083000Z',
        sign_files: [
          {
            data_to_be_signed: 'b133a0c0e9bee3be20163d2ad31d6248db292aa6dcb1ee087a2aa50e0fc75ae2',
            doc_id: 'UNC-0042',
            file_type: 'pdf',
            sign_type: 'hash'
          }
        ]
      }
    ]
  }
)

/** `/v1/signatures/sign`: hexadecimal digests of documents that one confirmation allows (§3.1.2). */
export const sign: DialectRoutes = async (app, { access, provider, ...deps }) => {
  app.post(
    '/sca/sp769/v1/signatures/sign',
    {
      schema: {
        tags: ['VNPT sp769'],
        summary: 'Ask for signatures',
        body: Body,
        response: {
          200: Type.Object({
            ...envelope,
            data: Type.Object({ transaction_id: Type.String(), tran_code: Type.String() })
          })
        }
      }
    },
    async (request) => {
      const { sp_id, sp_password, ...body } = request.body
      const caller = await authenticate(request, access, {
        provider: provider.id,
        clientId: sp_id,
        clientSecret: sp_password
      })
      const { id, name } = await askToSign(deps, request, caller, body, {
        provider: provider.id,
        dialect: 'sp769',
        form: 'hex',
        requiresName: true,
        callbackUrl: callbackFor(caller.party)
      })
      return {
        status_code: 200,
        message: 'sig_wait_for_user_confirm',
        data: { transaction_id: name ?? '', tran_code: id }
      }
    }
  )
}
