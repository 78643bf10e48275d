import { first } from './001-first.js'

/** One step of the schema. What was released is never edited: the next change is the next version. */
export interface Migration {
  version: number
  name: string
  sql: string
}

/** All steps in order, versions 1, 2, 3, … */
export const migrations: readonly Migration[] = [{ version: 1, name: 'first', sql: first }]
