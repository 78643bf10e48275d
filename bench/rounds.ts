import type { Options } from './options.js'
import type { Measurement, Sample } from './report/result.js'
import { median, round } from './report/statistics.js'
import { type OpenScenario, type Scenario, ScenarioSkipped } from './scenarios/scenario.js'
import type { Stage } from './stage/stage.js'

/** Of a window, in the round that warms up. */
const firstWindowShare = 0.4

/**
 * Measures the scenarios of a group in interleaved rounds, every other round in the opposite order, so that what
 * drifts on the machine meets all of them alike.
 */
export async function measureGroup(
  group: readonly Scenario[],
  stage: Stage
): Promise<{ measured: Measurement[]; skipped: Record<string, string> }> {
  const { options, console } = stage
  const open: { scenario: Scenario; running: OpenScenario; samples: Sample[] }[] = []
  const skipped: Record<string, string> = {}
  try {
    for (const scenario of group) {
      try {
        open.push({ scenario, running: await scenario.open(stage), samples: [] })
      } catch (error) {
        if (!(error instanceof ScenarioSkipped)) throw error
        skipped[scenario.name] = error.message
        console.say(`skipped      ${scenario.name}: ${error.message}`)
      }
    }
    for (let number = options.quick ? 1 : 0; number <= options.rounds; number += 1) {
      const order = number % 2 === 0 ? open : [...open].reverse()
      for (const { scenario, running, samples } of order) {
        if (scenario.once && number !== 1) continue
        if (scenario.roundsMax !== undefined && number > scenario.roundsMax) continue
        const round = { number, ...windowOf(options, number) }
        await running.prepare?.(round)
        const sample = await running.measure(round)
        console.say(`${label(number, options)}  ${scenario.name.padEnd(20)} ${told(sample, scenario.unit)}`)
        if (number > 0) samples.push(sample)
      }
    }
  } finally {
    for (const { running } of open) await running.close()
  }
  const measured = open.map(({ scenario: { name, about, unit }, samples }) => ({
    name,
    about,
    unit,
    perSecond: round(median(samples.map(({ perSecond }) => perSecond))),
    rounds: samples
  }))
  return { measured, skipped }
}

function windowOf({ windowMs, warmUpMs }: Options, number: number): { windowMs: number; warmUpMs: number } {
  return { windowMs: number === 0 ? Math.ceil(windowMs * firstWindowShare) : windowMs, warmUpMs }
}

const label = (number: number, { rounds }: Options): string =>
  number === 0 ? 'warm-up    ' : `round ${number} of ${rounds}`

function told({ perSecond, load }: Sample, unit: string): string {
  const figure = `${perSecond.toFixed(0).padStart(7)} ${unit}`
  if (load === undefined) return figure
  const { p50, p99 } = load.latencyMs
  const errors = load.errors > 0 ? `, ${load.errors} ERRORS ${JSON.stringify(load.errorsByStatus)}` : ''
  return `${figure}  p50 ${p50} ms, p99 ${p99} ms, ${load.verified} verified${load.ranOut ? ', ran out of requests' : ''}${errors}`
}
