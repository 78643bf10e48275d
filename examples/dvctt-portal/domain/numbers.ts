import { Refusal } from './refusal.js'

/** Vietnam has one zone and no summer time. */
const zoneOffsetMs = 7 * 3_600_000
/** What three digits can tell apart. */
const perSecondMax = 1_000

/**
 * A dossier's number: unit code, `yyMMddHHmmss` in Vietnam, three digits. Those begin with the milliseconds and count
 * on where a number is taken.
 * @param taken Whether a number is in use. @throws Refusal when a thousand were given in this second.
 */
export function dossierNumber(unitCode: string, at: Date, taken: (number: string) => boolean): string {
  const local = new Date(at.getTime() + zoneOffsetMs).toISOString() // 2026-11-22T14:50:03.123Z
  const second = local.slice(2, 19).replaceAll(/\D/g, '')
  const first = at.getMilliseconds()
  for (let count = 0; count < perSecondMax; count += 1) {
    const digits = String((first + count) % perSecondMax).padStart(3, '0')
    const number = `${unitCode}${second}${digits}`
    if (!taken(number)) return number
  }
  throw new Refusal('form', 'Cổng đang nhận quá nhiều hồ sơ. Hãy thử lại sau một giây.')
}

/** `17-12-2023 15:06:19 +07:00`, as signatures on treasury documents show it. */
export function vietnamTime(at: Date): string {
  const [date = '', time = ''] = new Date(at.getTime() + zoneOffsetMs).toISOString().slice(0, 19).split('T')
  return `${date.split('-').reverse().join('-')} ${time} +07:00`
}

/** `17/12/2023`. */
export const vietnamDate = (at: Date): string => vietnamTime(at).slice(0, 10).replaceAll('-', '/')

/** `12.500.000`. */
export const dongs = (amount: number): string => String(amount).replaceAll(/\B(?=(\d{3})+$)/g, '.')
