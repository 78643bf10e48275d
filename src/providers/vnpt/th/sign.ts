import { Type } from 'typebox'
import { callbackFor } from '../../../access/addresses.js'
import { askToSign } from '../../annex/asking.js'
import { envelope, signFields } from '../../annex/fields.js'
import { authenticate } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import type { Findings } from '../../dialect/findings.js'
import { thPath } from './paths.js'
import { password, requireOtp, requirePassword } from './person.js'
import { expiredIn, sadEnd } from './sad.js'

const Body = Type.Object(
  {
    ...signFields,
    password,
    otp: Type.String({
      minLength: 1,
      maxLength: 16,
      description: 'Six digits, by the subscriber’s TOTP secret'
    })
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '001088035895',
        password: 'vnpt-demo',
        otp: '492039',
        transaction_id: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
        transaction_desc: 'Uỷ nhiệm chi 0042',
        serial_number: '5401010f2c7e9a4b6d8e1f3a5b7c9d0e',
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

/**
 * `/v2/signatures/sign` (§3.2): as version 1, with password and one-time code besides, both asked before the phone
 * rings. The `sad` fetches what the phone confirms; here it opens no key by itself.
 */
export const sign: DialectRoutes = async (app, { access, provider, logins, totp, sads, ...deps }) => {
  app.post(
    `${thPath}/sign`,
    {
      schema: {
        tags: ['VNPT SmartCA TH'],
        summary: 'Ask for signatures, with password and one-time code',
        body: Body,
        response: {
          200: Type.Object({
            ...envelope,
            data: Type.Object({
              transaction_id: Type.String(),
              tran_code: Type.String(),
              sad: Type.String({ description: 'A JWT, for `confirm`' }),
              expired_in: Type.Integer({ description: 'Seconds that `sad` is good for' })
            })
          })
        }
      }
    },
    async (request) => {
      const { sp_id, sp_password, password, otp, ...body } = request.body
      const caller = await authenticate(request, access, {
        provider: provider.id,
        clientId: sp_id,
        clientSecret: sp_password
      })
      requireSerial(body.serial_number ?? '', caller.findings)
      const by = { provider: provider.id, clientId: sp_id, login: body.user_id, password }
      await requirePassword(logins, by)
      const transaction = await askToSign(deps, request, caller, body, {
        provider: provider.id,
        dialect: 'th',
        form: 'hex',
        requiresName: true,
        callbackUrl: callbackFor(caller.party),
        // Last of all: a request that is wrong in itself uses no code up.
        prove: (subscriber) => requireOtp(totp, caller, subscriber, otp)
      })
      const { id, name } = transaction
      return {
        status_code: 200,
        message: 'sig_wait_for_user_confirm',
        data: {
          transaction_id: name ?? '',
          tran_code: id,
          sad: await sads.sadOf(transaction, sadEnd(transaction)),
          expired_in: expiredIn(transaction, deps.now)
        }
      }
    }
  )
}

function requireSerial(serial: string, findings: Findings): void {
  if (serial !== '') return
  findings.refuse({
    code: 'serial_number_missing',
    field: 'serial_number',
    found: 'The serial_number is missing or empty.',
    remedy: 'Send that of the certificate, as get_certificate lists it.'
  })
}
