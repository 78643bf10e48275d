import type { Provider } from '../provider.js'
import { esign } from './esign/dialect.js'

/** MISA eSign. The person logs in with a MISA account; signing waits 120 s by default. */
export const misa: Provider = {
  id: 'misa',
  label: 'MISA SMART CA',
  name: 'MISA eSign (SIMULATED)',
  description:
    'Simulated remote signing service in the manner of MISA eSign. Its signatures have no legal value.',
  region: 'VN',
  names: { vi: 'MISA eSign', en: 'MISA eSign' },
  caNames: ['MISA-CA', 'MISA eSign', 'MISA'],
  login: { asksPassword: true },
  limits: { activationTtlS: 120 },
  dialects: [esign]
}
