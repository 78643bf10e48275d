import { type ChartSpec, lineChart, type Series, written } from './chart.js'
import type { Measurement, Point, Result } from './result.js'
import type { Latencies } from './statistics.js'
import { median } from './statistics.js'

/** A picture of the report. */
export interface Plot {
  /** In `plots/`. */
  file: (typeof plotFiles)[number]
  /** For those who do not see it. */
  alternative: string
  svg: string
}

/** All pictures there may be. */
export const plotFiles = ['concurrency.svg', 'latency.svg', 'scale.svg'] as const

/** Those pictures for which the result has what they show. */
export function plotsOf({ measurements }: Pick<Result, 'measurements'>): Plot[] {
  return [concurrency(measurements), latency(measurements), scale(measurements)].flatMap((plot) =>
    plot === null ? [] : [{ file: plot.file, alternative: plot.spec.subtitle, svg: lineChart(plot.spec) }]
  )
}

type Measurements = Result['measurements']
type Drawn = { file: Plot['file']; spec: ChartSpec } | null

const pointsOf = (measurement: Measurement | undefined): readonly Point[] =>
  measurement?.rounds.find(({ points }) => points !== undefined)?.points ?? []

function concurrency(measurements: Measurements): Drawn {
  const curve = (name: string, scenario: string): Series => ({
    name,
    points: pointsOf(measurements[scenario]).map(({ at, perSecond }) => ({ x: at, y: perSecond }))
  })
  const curves = [curve('P-256', 'concurrency-p256'), curve('RSA-2048', 'concurrency-rsa2048')]
  const series = curves.filter(({ points }) => points.length > 0)
  const ats = distinct(series.flatMap(({ points }) => points.map(({ x }) => x)))
  if (ats.length < 2) return null
  const most = Math.max(...series.flatMap(({ points }) => points.map(({ y }) => y)))
  // A ceiling far above would make everything else flat; the table has it.
  const ceilings = [ceiling('HTTP alone', 'http-echo'), ceiling('HSM, RSA', 'raw-rsa2048')]
  function ceiling(name: string, scenario: string): Series[] {
    const y = measurements[scenario]?.perSecond
    if (y === undefined || y > most * ceilingMost) return []
    return [{ name, reference: true, points: [ats[0], ats.at(-1)].map((x) => ({ x: x as number, y })) }]
  }
  return {
    file: 'concurrency.svg',
    spec: {
      title: 'Throughput by concurrency',
      subtitle: 'CSC v2 signHash, one digest a request, every signature approved, recorded and audited',
      x: { title: 'connections, each with one request under way', scale: 'log', ticks: ats },
      y: { title: 'signatures per second', scale: 'linear' },
      series: [...series, ...ceilings.flat()]
    }
  }
}

/** A ceiling is drawn up to so many times the highest curve. */
const ceilingMost = 2.5

/** Those of which a window at a low load has enough to tell. */
const percentiles: readonly (readonly [name: string, key: keyof Latencies])[] = [
  ['p99', 'p99'],
  ['p95', 'p95'],
  ['median', 'p50']
]

function latency(measurements: Measurements): Drawn {
  const points = pointsOf(measurements['latency-rsa2048'])
  if (points.length < 2) return null
  return {
    file: 'latency.svg',
    spec: {
      title: 'Latency by load',
      subtitle:
        'RSA-2048, one digest a request, arriving at random; from when it was due to the whole answer',
      x: {
        title: 'requests offered, in % of what the server can do',
        scale: 'linear',
        ticks: [0, ...points.map(({ at }) => at)],
        write: (value) => `${value} %`
      },
      y: { title: 'milliseconds', scale: 'log' },
      series: percentiles.map(([name, key]) => ({
        name,
        points: points.map(({ at, load }) => ({ x: at, y: load.latencyMs[key] }))
      }))
    }
  }
}

function scale(measurements: Measurements): Drawn {
  const value = (name: string) => (measurement: Measurement) =>
    median(measurement.rounds.flatMap(({ values }) => values?.[name] ?? []))
  const measured = Object.values(measurements)
    .filter(({ name }) => name.startsWith('scale-'))
    .map((one) => ({ people: value('people')(one), one }))
    .sort((a, b) => a.people - b.people)
  const least = measured[0]?.one
  // Where nothing is judged, all have the same few people.
  if (least === undefined || distinct(measured.map(({ people }) => people)).length < measured.length)
    return null
  if (measured.length < 2) return null
  const curve = (name: string, read: (measurement: Measurement) => number): Series => ({
    name,
    points: measured
      .map(({ people, one }) => ({ x: people, y: read(one) / read(least) }))
      .filter(({ y }) => Number.isFinite(y))
  })
  return {
    file: 'scale.svg',
    spec: {
      title: 'Cost by number of subscribers',
      subtitle: 'P-256, 20 digests a request, 1,000 keys in use, equal key cache',
      x: { title: 'subscribers', scale: 'log', ticks: measured.map(({ people }) => people) },
      y: {
        title: `times what it is with ${written(measured[0]?.people ?? 0)} subscribers`,
        scale: 'linear',
        write: (times) => `${times.toFixed(2)}×`
      },
      series: [
        curve('time to start', value('startMs')),
        curve('memory', value('memoryMiB')),
        curve('signatures/s', ({ perSecond }) => perSecond)
      ].filter(({ points }) => points.length > 1)
    }
  }
}

const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b)
