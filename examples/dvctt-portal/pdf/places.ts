/** Where the two signatures of a document stand. Its last page leaves this room free (see `sheet.ts`). */

/** On A4, in points from the lower left corner. */
export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/** The chief accountant signs left, the account holder right. */
export const places = {
  left: { x: 56, y: 96, width: 232, height: 64 },
  right: { x: 308, y: 96, width: 232, height: 64 }
} as const satisfies Record<string, Rectangle>

export type Place = keyof typeof places

/** Above it a last page may have text, in points from its lower edge: signatures, and the titles over them. */
export const signaturesHeight = 210
