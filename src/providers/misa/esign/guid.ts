import { Type } from 'typebox'

/** A GUID of ours that comes back, in whatever case. */
export const guid = (description: string) =>
  Type.String({ minLength: 1, maxLength: 64, pattern: '^[!-~]+$', description })

/** GUIDs are numbers: their letters have no case. */
export const sameGuid = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()
