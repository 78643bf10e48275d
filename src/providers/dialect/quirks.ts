import { StartError } from '../../errors.js'
import type { Quirk } from './dialect.js'

/**
 * Which quirks are on: all that exist but for those named.
 * @returns Tells of one by its name. @throws StartError for a name that is none.
 */
export function openQuirks(known: readonly Quirk[], off: readonly string[]): (name: string) => boolean {
  const names = new Set(known.map(({ name }) => name))
  const unknown = off.filter((name) => !names.has(name))
  if (unknown.length > 0)
    throw new StartError(`QUIRKS_OFF names ${unknown.join(', ')}; there are ${[...names].sort().join(', ')}.`)
  const without = new Set(off)
  return (name) => {
    if (!names.has(name)) throw new TypeError(`nobody declared the quirk ${name}`)
    return !without.has(name)
  }
}
