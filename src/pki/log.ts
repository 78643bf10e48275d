/** The part of a pino logger that the CAs write to. */
export interface PkiLog {
  info(message: string): void
  warn(fields: { err: unknown }, message: string): void
  error(fields: { err: unknown }, message: string): void
}
