/** The unique constraint a statement ran into (SQLSTATE 23505), or null for any other error. */
export function violatedConstraint(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== '23505') return null
  return 'constraint' in error ? String(error.constraint) : ''
}

/** Whether PostgreSQL ended a transaction so that another could go on (SQLSTATE 40P01): it may be tried again. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '40P01'
}
