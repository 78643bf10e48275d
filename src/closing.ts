import type { BaseLogger } from 'pino'

/** Something to be closed. */
export type Closing = () => unknown

/**
 * Closes what was opened, the last first. Every step is taken, also after one that failed: an HSM that does not close
 * must not keep the database open.
 * @param opened In the order of opening.
 */
export async function closeAll(opened: readonly Closing[], log: Pick<BaseLogger, 'error'>): Promise<void> {
  for (const step of [...opened].reverse()) {
    try {
      await step()
    } catch (error) {
      log.error({ err: error }, 'closing went on after a failure')
    }
  }
}
