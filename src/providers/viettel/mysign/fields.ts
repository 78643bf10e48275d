import { Type } from 'typebox'

/** Which relying party calls: sent when logging in, and again in the calls that lead to signatures. */
export const clientFields = {
  client_id: Type.String({ minLength: 1, maxLength: 128, description: 'clientId of the relying party' }),
  client_secret: Type.String({ minLength: 1, maxLength: 256, description: 'Its secret' })
}

/** The subscriber's login, which is all that is asked of a person. */
export const userId = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Login of the subscriber, such as CMT_..., MST_... or a bare CCCD'
})

/** Names a configuration of the real service; there is one here, whatever its number. */
export const profileId = Type.String({
  pattern: '^adss:ras:profile:[0-9]{1,6}$',
  description: 'Any of this shape, such as adss:ras:profile:001'
})

/** A number that the real service writes as a string. */
export const numberText = Type.Union([Type.String(), Type.Integer()])

/** Writes a number as this installation does: as a string, unless the quirk is off. */
export function writeNumber(value: number, quirk: (name: string) => boolean): string | number {
  return quirk('viettel.strings-for-numbers') ? String(value) : value
}
