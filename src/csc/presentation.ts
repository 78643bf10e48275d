import type { Presented } from './deps.js'

/** Languages that `info` and labels are written in; the first is the service's own. */
export type Language = 'vi' | 'en'

/** The language for what a client asked for by an RFC 5646 tag; the service's own where it has not that one. */
export const languageOf = (tag: string | undefined): Language => (/^en(-|$)/i.test(tag ?? '') ? 'en' : 'vi')

/** Name and description of a provider for `info` (CSC API v1 and v2 §11.1: at most 255 characters each). */
export function presentation(
  { name, names, description }: Presented,
  lang: Language
): { name: string; description: string; lang: Language } {
  const inVietnamese = `Dịch vụ ký số từ xa mô phỏng theo ${names.vi}. Chữ ký ở đây không có giá trị pháp lý.`
  return { name, description: lang === 'vi' ? inVietnamese : description, lang }
}
