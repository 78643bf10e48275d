import { httpEcho } from '../ceilings/echo.js'
import { rawCeilings } from '../ceilings/raw.js'
import type { Scenario } from './scenario.js'
import { signScenarios } from './sign.js'

/** Everything that can be measured. A further scenario is a file in this folder and a line here and in `groups`. */
export const scenarios: readonly Scenario[] = [...rawCeilings, httpEcho, ...signScenarios]

/** What is measured side by side: within a round of a group, one after the other, and the next round backwards. */
export const groups: readonly (readonly string[])[] = [
  [
    'raw-p256',
    'http-echo',
    'sign-p256-x1',
    'sign-p256-x20',
    'sign-p256-x20-hot',
    'sign-p256-x100',
    'unwrap-p256'
  ],
  ['raw-rsa2048', 'sign-rsa2048-x1', 'sign-rsa2048-x20', 'sign-rsa2048-x100', 'unwrap-rsa2048']
]

/** A ratio that is reported: of two scenarios of one group. */
export interface Figure {
  of: string
  to: string
  goal: number
}

export const figures: readonly Figure[] = [
  { of: 'sign-rsa2048-x1', to: 'raw-rsa2048', goal: 0.8 },
  { of: 'sign-rsa2048-x20', to: 'raw-rsa2048', goal: 0.92 },
  { of: 'sign-p256-x1', to: 'http-echo', goal: 0.5 },
  { of: 'sign-p256-x20', to: 'raw-p256', goal: 0.6 },
  { of: 'sign-p256-x100', to: 'raw-p256', goal: 0.75 },
  { of: 'sign-p256-x20', to: 'sign-p256-x20-hot', goal: 0.95 }
]

/** Those named, with everything they are compared with; all for null. In the order of the groups. */
export function chosenGroups(only: readonly string[] | null): Scenario[][] {
  const wanted = new Set(only ?? scenarios.map(({ name }) => name))
  for (const { of, to } of figures) if (only?.includes(of)) wanted.add(to)
  return groups
    .map((names) =>
      names.flatMap((name) => {
        const scenario = scenarios.find((one) => one.name === name)
        if (scenario === undefined) throw new TypeError(`a group names ${name}, which does not exist`)
        return wanted.has(name) ? [scenario] : []
      })
    )
    .filter((group) => group.length > 0)
}
