import type { Provider } from '../provider.js'
import { smartCaCsc } from './csc/dialect.js'
import { sp769 } from './sp769/dialect.js'
import { th } from './th/dialect.js'

/** VNPT SmartCA. A transaction lives for five minutes. */
export const vnpt: Provider = {
  id: 'vnpt',
  label: 'VNPT SMART CA',
  name: 'VNPT SmartCA (SIMULATED)',
  description:
    'Simulated remote signing service in the manner of VNPT SmartCA. Its signatures have no legal value.',
  region: 'VN',
  names: { vi: 'VNPT SmartCA', en: 'VNPT SmartCA' },
  caNames: ['VNPT-CA', 'VNPT SmartCA', 'VNPT'],
  login: { asksPassword: true },
  limits: { activationTtlS: 300 },
  dialects: [sp769, th, smartCaCsc]
}
