import { Type } from 'typebox'
import { mayCallBack } from '../../../access/addresses.js'
import { askToSign } from '../../annex/asking.js'
import { envelope, signFields } from '../../annex/fields.js'
import { authenticate, type DialectCaller } from '../../dialect/caller.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { ca2Id, pathsOf } from './paths.js'

const Body = Type.Object(
  {
    ...signFields,
    urlWebhook: Type.Optional(
      Type.String({ maxLength: 512, description: 'Registered beforehand; empty: none' })
    )
  },
  {
    examples: [
      {
        sp_id: 'dvctt',
        sp_password: 'dvctt-secret',
        user_id: '036090001234',
        transaction_id: '8a1b3a0e-6f1f-4a54-9d0a-8f6f2c9d7b10',
        serial_number: '',
        time_stamp: '20261122083000',
        sign_files: [
          {
            data_to_be_signed: 'sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=',
            doc_id: 'UNC-0042',
            file_type: 'pdf',
            sign_type: 'hash'
          }
        ]
      }
    ]
  }
)

/** `sign` (§6.1): digests in base64, one confirmation for all of them. */
export const sign: DialectRoutes = async (app, { access, provider, ...deps }) => {
  for (const path of pathsOf('sign')) {
    app.post(
      path,
      {
        schema: {
          tags: ['Nacencomm CA2'],
          summary: 'Ask for signatures',
          body: Body,
          response: {
            200: Type.Object({
              ...envelope,
              data: Type.Object({
                transaction_id: Type.String(),
                sign_files: Type.Array(Type.Object({ doc_id: Type.String() }))
              })
            })
          }
        }
      },
      async (request) => {
        const { sp_id, sp_password, urlWebhook = '', ...body } = request.body
        const caller = await authenticate(request, access, {
          provider: provider.id,
          clientId: sp_id,
          clientSecret: sp_password
        })
        const { name, documentIds } = await askToSign(deps, request, caller, body, {
          provider: provider.id,
          dialect: ca2Id,
          form: 'base64',
          requiresName: true,
          callbackUrl: urlWebhook === '' ? null : registered(urlWebhook, caller)
        })
        return {
          status_code: 200,
          message: 'Success',
          data: { transaction_id: name ?? '', sign_files: documentIds.map((doc_id) => ({ doc_id })) }
        }
      }
    )
  }
}

/** @throws ServiceError `request_invalid` for an address that the relying party has not registered. */
function registered(address: string, { party, findings }: DialectCaller): string {
  if (mayCallBack(party, address)) return address
  return findings.refuse({
    code: 'callback_not_registered',
    field: 'urlWebhook',
    found: 'urlWebhook shares origin and path with none of the registered callback addresses.',
    remedy: 'Have it registered, or leave urlWebhook out and poll.'
  })
}
