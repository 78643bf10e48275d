import type { Provider } from '../provider.js'
import { apiSignCore } from './apisigncore/dialect.js'
import { ca2 } from './ca2/dialect.js'

/** Nacencomm CA2 Remote Signing. Clients wait three minutes. Whether the portal asks for a password is not shown; we assume it does. */
export const nacencomm: Provider = {
  id: 'nacencomm',
  label: 'Nacencomm CA',
  name: 'Nacencomm CA2 Remote Signing (SIMULATED)',
  description:
    'Simulated remote signing service in the manner of Nacencomm CA2. Its signatures have no legal value.',
  region: 'VN',
  names: { vi: 'Nacencomm CA2 ký số từ xa', en: 'Nacencomm CA2 Remote Signing' },
  caNames: ['CA2', 'CA2 RS', 'NACENCOMM'],
  login: { asksPassword: true },
  limits: { activationTtlS: 180 },
  dialects: [ca2, apiSignCore]
}
