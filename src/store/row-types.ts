import pg, { type CustomTypesConfig } from 'pg'

/** The first and the last time a Date can hold (ECMA-262 §21.4.1.1). In milliseconds. */
const dateMax = 8.64e15

/**
 * How values become what the row types of the repositories say. A time that no Date can hold, `infinity` among them, is
 * none that we wrote. It becomes the last or the first one that can, so that a row somebody made by hand is refused for
 * its seal instead of breaking the list it stands in.
 */
export const rowTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    const parse = pg.types.getTypeParser(oid, format)
    return oid === pg.types.builtins.TIMESTAMPTZ ? (text: string) => heldTime(parse(text), text) : parse
  }
}

function heldTime(parsed: unknown, text: string): Date {
  if (parsed instanceof Date && !Number.isNaN(parsed.getTime())) return parsed
  return new Date(text.startsWith('-') || text.endsWith('BC') ? -dateMax : dateMax)
}
