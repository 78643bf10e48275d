import { type TSchema, Type } from 'typebox'

/** What every answer but that of `credentials/info` is wrapped in (§3.4). */
export const envelopeOf = <Content extends TSchema>(content: Content) =>
  Type.Object({
    code: Type.Integer({ description: '0: it was done' }),
    codeDesc: Type.String(),
    message: Type.String(),
    content
  })

/** @param message For people; the real service says what is waited for. */
export const success = <Content>(content: Content, message = 'Thành công') => ({
  code: 0,
  codeDesc: 'SUCCESS',
  message,
  content
})
