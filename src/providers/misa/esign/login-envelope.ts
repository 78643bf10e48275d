import { Type } from 'typebox'
import { errorCodes } from '../../../errors.js'

/** How login and second factor answer, for the API description. */
export const LoginAnswer = Type.Object({
  status: Type.Object({
    type: Type.String({ description: '`success` or `fail`' }),
    code: Type.Integer({ description: 'HTTP status' }),
    message: Type.String(),
    error: Type.Boolean(),
    errorCode: Type.Integer({ description: '122: a one-time code is asked for; 0: none' }),
    devMsg: Type.String(),
    userMsg: Type.String()
  }),
  data: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()])
})

/** What the envelope of logins says of how it went (MS-DOC §4.10). */
export interface LoginStatus {
  /** HTTP status; also with 122, which comes with 200. */
  code: number
  error: boolean
  /** 0: none. */
  errorCode: number
  devMsg: string
  userMsg: string
}

/** The envelope of logins. */
export function loginAnswer<Data>({ code, error, errorCode, devMsg, userMsg }: LoginStatus, data: Data) {
  const [type, message] = error ? (['fail', devMsg] as const) : (['success', 'Success'] as const)
  return { status: { type, code, message, error, errorCode, devMsg, userMsg }, data }
}

/** `status` of what went well. */
export const success: LoginStatus = { code: 200, error: false, errorCode: 0, devMsg: '', userMsg: '' }

/** `status` where a one-time code is asked for besides: an answer, not a failure (§5.2). */
export const secondFactor: LoginStatus = {
  code: 200,
  error: true,
  errorCode: 122,
  devMsg: errorCodes.second_factor_required,
  userMsg: 'Vui lòng nhập mã xác thực hai lớp.'
}
