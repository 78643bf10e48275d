/** Path of what the pages of both versions share: style, script and logo. */
export const sharedPath = (base: string): string => new URL(base).pathname.replace(/\/v[12]$/, '')
