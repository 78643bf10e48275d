/**
 * The lower bound of all UUIDs of version 7 made at or after `time`, as text: the 48 bits of the time that they begin
 * with (RFC 9562 §5.7). For comparing with columns of collation "C"; it is no UUID itself.
 */
export function uuidFrom(time: Date): string {
  const hex = Math.max(0, time.getTime()).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

/** How far before a time its UUIDs are looked for, since a clock may be set back, and those of servers differ. */
export const clockToleranceMs = 60_000

/**
 * Longest time from asking to the end of whatever can still be signed: 49 h. A challenge waits for at most a day, its
 * confirmation can be turned into a SAD for 10 minutes, and the SAD is valid for at most a day: the limits of
 * ACTIVATION_TTL_S and SAD_TTL_S, and `approvalLifetimeS` of the room of activations. The rest is for clocks.
 */
export const openAtMostMs = 49 * 3_600_000

/** The earliest time at which what is waiting or confirmed at `now` can have been asked. */
export const openSince = (now: Date): Date => new Date(now.getTime() - openAtMostMs)

/** Lower bound of the ids of all activations that may be waiting or confirmed at `now`. */
export const openFrom = (now: Date): string => uuidFrom(openSince(now))

/** A time behind every UUID made by `now`, whoever made it. */
export const soon = (now: Date): Date => new Date(now.getTime() + clockToleranceMs)
