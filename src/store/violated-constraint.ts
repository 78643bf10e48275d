/** The unique constraint a statement ran into (SQLSTATE 23505), or null for any other error. */
export function violatedConstraint(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== '23505') return null
  return 'constraint' in error ? String(error.constraint) : ''
}

/** Whether PostgreSQL ended a transaction so that another could go on (SQLSTATE 40P01): it may be tried again. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '40P01'
}

/** Runs `work` again, at most four times, when PostgreSQL chose it as the victim of a deadlock. */
export async function againAfterDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let turn = 1; ; turn += 1) {
    try {
      return await work()
    } catch (error) {
      if (turn === 5 || !isDeadlock(error)) throw error
    }
  }
}
