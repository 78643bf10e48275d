/** yyyyMMddHHmmss, UTC. */
export const compactTime = (at: Date): string => at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')

/** As certificates' dates are written (§4.3): 20221017043150+0000. */
export const offsetTime = (at: Date): string => `${compactTime(at)}+0000`
