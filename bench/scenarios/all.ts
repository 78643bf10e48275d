import { StartError } from '../../src/errors.js'
import { httpEcho } from '../ceilings/echo.js'
import { httpHashCeilings } from '../ceilings/http-hash.js'
import { opensslCeilings } from '../ceilings/openssl.js'
import { rawCeilings } from '../ceilings/raw.js'
import { rawCCeilings } from '../ceilings/raw-c.js'
import { sha256Ceilings } from '../ceilings/sha256.js'
import { coldFigures, coldScenarios } from './cold.js'
import { concurrencyScenarios } from './concurrency.js'
import { enrolScenarios } from './enrol.js'
import { type Figure, quotient } from './figure.js'
import { hashFigures, hashScenarios } from './hash.js'
import { jobScenarios } from './job.js'
import { dialectJobScenarios } from './job-dialect.js'
import { latency } from './latency.js'
import { overload, overloadFigures } from './overload.js'
import { rateFigures, rateScenarios } from './rate.js'
import { scaleFigures, scaleScenarios } from './scale.js'
import type { Scenario } from './scenario.js'
import { signScenarios } from './sign.js'

/** Everything that can be measured. A further scenario is a file in this folder and a line here and in `groups`. */
export const scenarios: readonly Scenario[] = [
  ...rawCeilings,
  ...rawCCeilings,
  ...opensslCeilings,
  httpEcho,
  ...httpHashCeilings,
  ...sha256Ceilings,
  ...signScenarios,
  ...coldScenarios,
  ...rateScenarios,
  overload,
  latency,
  ...jobScenarios,
  ...dialectJobScenarios,
  ...enrolScenarios,
  ...hashScenarios,
  ...concurrencyScenarios,
  ...scaleScenarios
]

/** What is measured side by side: within a round of a group, one after the other, and the next round backwards. */
export const groups: readonly (readonly string[])[] = [
  [
    'raw-p256',
    'http-echo',
    'sign-p256-x1',
    'sign-p256-x20',
    'sign-p256-x20-hot',
    'sign-p256-x100',
    'sign-p256-x1-hot',
    'sign-p256-x1-cold',
    'sign-p256-x20-cold',
    'unwrap-p256',
    'raw-c-p256',
    'unwrap-c-p256',
    'openssl-p256',
    'concurrency-p256'
  ],
  [
    'raw-rsa2048',
    'sign-rsa2048-x1',
    'sign-rsa2048-x20',
    'sign-rsa2048-x100',
    'sign-rsa2048-x1-hot',
    'sign-rsa2048-x20-hot',
    'sign-rsa2048-x1-cold',
    'unwrap-rsa2048',
    'raw-c-rsa2048',
    'unwrap-c-rsa2048',
    'openssl-rsa2048',
    'concurrency-rsa2048'
  ],
  ['rate-70', 'rate-70-p256', 'overload-200', 'latency-rsa2048'],
  ['job-rsa2048', 'job-vnpt', 'job-viettel', 'job-misa', 'job-nacencomm'],
  ['enrol-rsa2048', 'enrol-rsa2048-pool', 'enrol-p256', 'enrol-p256-pool'],
  ['http-hash-64k', 'hash-64k', 'node-sha256-64k', 'openssl-sha256-64k'],
  ['http-hash-1m', 'hash-1m', 'node-sha256-1m', 'openssl-sha256-1m'],
  ['http-hash-10m', 'hash-10m', 'hash-10m-x20', 'node-sha256-10m', 'openssl-sha256-10m'],
  ['scale-1k', 'scale-10k', 'scale-100k', 'scale-1m']
]

export const figures: readonly Figure[] = [
  quotient('sign-rsa2048-x1', 'raw-rsa2048', 0.8),
  quotient('sign-rsa2048-x20', 'raw-rsa2048', 0.92),
  quotient('sign-p256-x1', 'http-echo', 0.5),
  quotient('sign-p256-x20', 'raw-p256', 0.6),
  quotient('sign-p256-x100', 'raw-p256', 0.75),
  quotient('sign-p256-x20', 'sign-p256-x20-hot', 0.95),
  ...coldFigures,
  ...rateFigures,
  ...overloadFigures,
  ...hashFigures,
  ...scaleFigures
]

/** What a quick run measures where nothing is named: something of every kind that is ready in a minute. */
export const byQuick: readonly string[] = [
  'raw-p256',
  'http-echo',
  'sign-p256-x1',
  'sign-p256-x20',
  'raw-rsa2048',
  'sign-rsa2048-x1',
  'job-rsa2048',
  'job-vnpt'
]

/** Measured where nothing is named. */
const byDefault = scenarios.filter(({ byName }) => byName === undefined).map(({ name }) => name)

/**
 * Those named, with everything they are compared with; for null, those of a whole run. In the order of the groups.
 * @param also Further ones.
 * @param elsewhere Only those that can be measured at a server elsewhere.
 * @throws StartError when one is named that cannot.
 */
export function chosenGroups(
  only: readonly string[] | null,
  also: readonly string[] = [],
  elsewhere = false
): Scenario[][] {
  const wanted = new Set([...(only ?? byDefault), ...also])
  for (const { needs } of figures) {
    if (needs[0] !== undefined && only?.includes(needs[0])) for (const name of needs) wanted.add(name)
  }
  const possible = (scenario: Scenario) => !elsewhere || scenario.anywhere === true
  return groups
    .map((names) =>
      names.flatMap((name) => {
        const scenario = scenarios.find((one) => one.name === name)
        if (scenario === undefined) throw new TypeError(`a group names ${name}, which does not exist`)
        if (only?.includes(name) && !possible(scenario))
          throw new StartError(`${name} needs a server of its own; leave it out, or --base.`)
        return wanted.has(name) && possible(scenario) ? [scenario] : []
      })
    )
    .filter((group) => group.length > 0)
}
