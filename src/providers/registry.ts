import type { Dialect } from './dialect/dialect.js'
import { misa } from './misa/profile.js'
import { nacencomm } from './nacencomm/profile.js'
import type { Provider, UnsupportedProvider } from './provider.js'
import { viettel } from './viettel/profile.js'
import { vnpt } from './vnpt/profile.js'

/** Those served, in the portal's order. A further one is its folder, its line here and its entry in the ceremony. */
export const providers: readonly Provider[] = [viettel, vnpt, misa, nacencomm]

/** Those the portal knows and remote signing does not serve. */
export const unsupportedProviders: readonly UnsupportedProvider[] = [
  {
    id: 'bcy',
    label: 'BCY',
    caNames: ['Ban Cơ yếu Chính phủ', 'BAN CO YEU', 'CA BCY'],
    name: { vi: 'Ban Cơ yếu Chính phủ', en: 'Government Cipher Committee' },
    reason: {
      vi: 'Chứng thư số của Ban Cơ yếu Chính phủ chưa được hỗ trợ ký số từ xa.',
      en: 'Certificates of the Government Cipher Committee are not served by remote signing yet.'
    }
  }
]

/** Null: not served; `findUnsupportedProvider` tells whether it is known at all. */
export function findProvider(id: string): Provider | null {
  return providers.find((provider) => provider.id === id) ?? null
}

/** Null: a name that nobody knows. */
export function findUnsupportedProvider(id: string): UnsupportedProvider | null {
  return unsupportedProviders.find((provider) => provider.id === id) ?? null
}

/** By the name that transactions carry. Null: no provider's. */
export function findDialect(id: string): Dialect | null {
  return providers.flatMap(({ dialects }) => dialects).find((dialect) => dialect.id === id) ?? null
}
