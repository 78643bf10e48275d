/** Pause after the first attempt, the second, and so on, in seconds; the last one again and again. */
const pausesS = [2, 5, 15, 60, 300, 900, 3_600]
/** How much longer or shorter a pause may be, so that what failed together does not come back together. */
const jitter = 0.2
/** Attempts at one delivery, at most. */
export const attemptsMax = 20
/** How long a delivery is tried. */
export const triedForMs = 24 * 3_600_000

/**
 * When to try again after attempt number `attempt` failed at `at`; null: no more.
 * @param random From 0 to 1.
 */
export function nextAttemptAt(
  { attempt, createdAt, at }: { attempt: number; createdAt: Date; at: Date },
  random: number
): Date | null {
  if (attempt >= attemptsMax) return null
  const pauseS = pausesS[Math.min(attempt, pausesS.length) - 1] ?? 0
  const next = at.getTime() + pauseS * 1_000 * (1 - jitter + 2 * jitter * random)
  return next > createdAt.getTime() + triedForMs ? null : new Date(next)
}
