import type { BaseLogger } from 'pino'

/** What this room needs of the server's log. */
export type StoreLog = Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'>
