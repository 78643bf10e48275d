import { Type } from 'typebox'
import { numberText, writeNumber } from './fields.js'

/** What both calls answer that issue tokens (§4.2). */
export const TokenAnswer = Type.Object({
  access_token: Type.String({ description: 'Opaque' }),
  refresh_token: Type.String({ description: 'Always empty: log in again' }),
  token_type: Type.String(),
  expires_in: numberText
})

export const tokenAnswer = (
  { accessToken, expiresInS }: { accessToken: string; expiresInS: number },
  quirk: (name: string) => boolean
) => ({
  access_token: accessToken,
  refresh_token: '',
  token_type: 'Bearer',
  expires_in: writeNumber(expiresInS, quirk)
})
