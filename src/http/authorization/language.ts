/** Languages of the pages; the first is the server's own. */
export const languages = ['vi', 'en'] as const
export type Language = (typeof languages)[number]

/**
 * The language to show: that of `lang` (RFC 5646), else the browser's first choice among ours (RFC 9110 §12.5.4), else
 * the server's own (CSC API v1 §8.3.2).
 */
export function preferredLanguage(lang: string | undefined, acceptLanguage: string | undefined): Language {
  const named = lang === undefined ? null : ours(lang)
  if (named !== null) return named
  const ranked = (acceptLanguage ?? '')
    .slice(0, 500)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().split(';')
      const q = /^\s*q=([0-9.]{1,5})\s*$/.exec(parameters[0] ?? '')?.[1]
      return { language: ours(tag), weight: q === undefined ? 1 : Number(q) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
  return ranked.find(({ language }) => language !== null)?.language ?? languages[0]
}

function ours(tag: string): Language | null {
  const [primary] = tag.trim().toLowerCase().split('-')
  return languages.find((language) => language === primary) ?? null
}
