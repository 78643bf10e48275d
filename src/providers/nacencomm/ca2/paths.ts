/** Both generations of paths of a call. */
export const pathsOf = (call: string): readonly string[] => [`/api/data/${call}`, `/rssp/v2/neac/${call}`]
/** `transactions` knows the dialect by this name. */
export const ca2Id = 'ca2'
