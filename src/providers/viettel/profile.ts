import type { Provider } from '../provider.js'
import { mySign } from './mysign/dialect.js'

/** Viettel MySign. The person is named by login alone; clients wait about two minutes. */
export const viettel: Provider = {
  id: 'viettel',
  label: 'VIETTEL SMART CA',
  name: 'Viettel MySign (SIMULATED)',
  description:
    'Simulated remote signing service in the manner of Viettel MySign. Its signatures have no legal value.',
  region: 'VN',
  names: { vi: 'Viettel MySign', en: 'Viettel MySign' },
  caNames: ['Viettel-CA', 'MySign', 'VIETTEL'],
  login: { asksPassword: false },
  limits: { activationTtlS: 120 },
  dialects: [mySign]
}
