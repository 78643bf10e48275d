/** What this folder logs through. Never handed an object of the binding: those print hundreds of lines. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: object) => void
