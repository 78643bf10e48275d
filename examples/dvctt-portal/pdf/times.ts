/** Vietnam has one zone, without summer time. */
const zone = { minutes: 7 * 60, shown: '+07:00', pdf: "+07'00'" }

const local = (at: Date): string => new Date(at.getTime() + zone.minutes * 60_000).toISOString()

/** `17-12-2023`. */
export const shownDate = (at: Date): string => local(at).slice(0, 10).split('-').reverse().join('-')

/** As documents of the Treasury show it: `17-12-2023 15:06:19 +07:00`. */
export const shownTime = (at: Date): string => `${shownDate(at)} ${local(at).slice(11, 19)} ${zone.shown}`

/** A date within a PDF (ISO 32000-1 §7.9.4): `D:20231217150619+07'00'`. */
export const pdfTime = (at: Date): string => `D:${local(at).slice(0, 19).replace(/[-T:]/g, '')}${zone.pdf}`
