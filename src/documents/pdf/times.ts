/** Vietnam has one zone, without summer time. */
const zone = { minutes: 420, text: '+07:00', pdf: "+07'00'" }

const localOf = (at: Date): string => new Date(at.getTime() + zone.minutes * 60_000).toISOString()

/** As people read it, with its zone: `22/11/2026 15:30:00 +07:00`. */
export function shownTime(at: Date): string {
  const [date = '', time = ''] = localOf(at).split('T')
  return `${date.split('-').reverse().join('/')} ${time.slice(0, 8)} ${zone.text}`
}

/** ISO 32000-1 §7.9.4: `D:20261122153000+07'00'`. */
export const pdfDate = (at: Date): string => `D:${localOf(at).replace(/[-T:]/g, '').slice(0, 14)}${zone.pdf}`
