import { createHash } from 'node:crypto'
import type { Population } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { round as rounded } from '../report/statistics.js'
import { type DataFolder, type KeptFolder, openDataFolder, openKeptFolder } from '../stage/data-folder.js'
import type { Served, Stage } from '../stage/stage.js'
import type { Figure } from './figure.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'
import { openSigning, type WorkingSet } from './sign.js'

/** People whose keys are used at the measured rate: they fit the key cache, however many others there are. */
const workingSetMax = 1_000
/** Draws over all people; then they begin again. Whoever is drawn must be known to the benchmark. */
const drawsMax = 20_000
const digests = 20

/** Subscribers by name. */
const sizes = {
  'scale-1k': 1_000,
  'scale-10k': 10_000,
  'scale-100k': 100_000,
  'scale-1m': 1_000_000
} as const
type ScaleName = keyof typeof sizes

/** Those of all subscribers whom the benchmark knows. */
interface ScalePopulation extends Population {
  /** How many of `people`, from the first, are the working set. */
  workingSet: number
  /** Indices into `people`: draws over all subscribers, every one as likely as any other each time. */
  draws: number[]
}

function scale(name: ScaleName, rest: Pick<Scenario, 'byName'> = {}): Scenario {
  const people = sizes[name].toLocaleString('en')
  return {
    name,
    ...rest,
    about: `as sign-p256-x20 with ${people} subscribers, of whom ${workingSetMax.toLocaleString('en')} sign; beside it starting, memory, and signing by subscribers drawn from all`,
    unit: 'signatures/s',
    open: (stage) => openScale(stage, name)
  }
}

/** The one that is tried whole where nothing is judged. */
const quickName: ScaleName = 'scale-100k'

/** A server with so many people, of whom some are known. */
interface ScaleServed extends Served {
  /** How long a server takes to start on so many people, now. */
  timeStart(): Promise<number>
  people: number
  workingSet: number
  draws: readonly number[]
  close(): Promise<void>
}

async function serve(stage: Stage, name: ScaleName): Promise<ScaleServed> {
  const { console, options } = stage
  if (options.quick) return serveFew(stage, name)
  const { [name]: people } = sizes
  const kept: KeptFolder<ScalePopulation> = {
    name: `scale-${people}`,
    about: `preparing ${people} people with a P-256 credential each, once`,
    async make(preparation) {
      const { numbers, workingSet, draws } = choose(people)
      const population = await preparation.load(people, numbers, console.progress(`${name}: written`))
      return { ...population, workingSet, draws }
    }
  }
  const folder = await openKeptFolder(kept, console.say)
  const { workingSet, draws } = folder.population
  return served(stage, folder, await openKeptFolder(kept, console.say), { people, workingSet, draws })
}

/** @param toStart Another copy of the folder: a server that is measured is not stopped to time a start. */
async function served(
  stage: Stage,
  folder: DataFolder,
  toStart: DataFolder,
  rest: Pick<ScaleServed, 'people' | 'workingSet' | 'draws'>
): Promise<ScaleServed> {
  const main = await stage.servedOn(folder)
  return {
    ...main,
    ...rest,
    timeStart: () => stage.timeStart(toStart),
    async close() {
      await main.close()
      await toStart.remove()
    }
  }
}

/** Where nothing is judged, the people of the other scenarios will do, and one server of its own. */
async function serveFew(stage: Stage, name: ScaleName): Promise<ScaleServed> {
  const { console, options } = stage
  const { people } = options
  const { workingSet, draws } = choose(people)
  const rest = { people, workingSet, draws }
  if (name !== quickName) {
    const main = await stage.served()
    return { ...main, ...rest, timeStart: async () => main.startMs, close: async () => undefined }
  }
  const copy = () => openDataFolder(people, console.say, console.progress('enrolled'))
  return served(stage, await copy(), await copy(), rest)
}

async function openScale(stage: Stage, name: ScaleName): Promise<OpenScenario> {
  const { rounds, quick } = stage.options
  const at = await serve(stage, name)
  const { people, workingSet, draws } = at
  const signing = (by: WorkingSet, of: number) =>
    openSigning(stage, { name, algorithm: 'P-256', digests: of, workingSet: by, served: at })
  const inCache = inTurn((turn) => turn % workingSet)
  const cached = await signing(inCache, digests)
  const alone = await signing(inCache, 1)
  const uniform = await signing(
    inTurn((turn) => draws[turn % draws.length] ?? 0),
    digests
  )

  let startMs = Number.NaN

  async function measured(running: OpenScenario, round: Round): Promise<Sample> {
    await running.prepare?.(round)
    return running.measure(round)
  }

  return {
    async prepare(round) {
      startMs = await at.timeStart()
      await cached.prepare?.(round)
    },
    async measure(round) {
      const sample = await cached.measure(round)
      // Before anything else is asked of it: as many keys and rows are in memory whatever the number of subscribers.
      const { residentOctets } = await at.usage()
      const values = {
        people,
        startMs: rounded(startMs),
        memoryMiB: rounded(residentOctets / 2 ** 20)
      }
      if (round.number < rounds || (quick && name !== quickName)) return { ...sample, values }
      const one = await measured(alone, round)
      const drawn = await measured(uniform, round)
      return {
        ...sample,
        values: {
          ...values,
          x1PerSecond: one.perSecond,
          uniformPerSecond: drawn.perSecond,
          uniformKeyHitShare: requestHits(drawn.load?.keyHitRate ?? null)
        }
      }
    },
    async close() {
      for (const one of [cached, alone, uniform]) await one.close()
      await at.close()
    }
  }
}

/** Of the requests, how many met their key in the HSM: of their digests, all but the first always do. */
const requestHits = (keyHitRate: number | null): number | null =>
  keyHitRate === null ? null : rounded(Math.max(0, 1 - (1 - keyHitRate) * digests))

function inTurn(person: (turn: number) => number): WorkingSet {
  return () => {
    let turn = 0
    return () => person(turn++)
  }
}

/** The working set, drawn from all, and draws over all: the same for the same number of people. */
function choose(people: number): { numbers: number[]; workingSet: number; draws: number[] } {
  const next = chance(`kyso scale ${people}`)
  const places = new Map<number, number>()
  const placeOf = (number: number) => {
    const place = places.get(number) ?? places.size
    places.set(number, place)
    return place
  }
  const workingSet = Math.min(workingSetMax, people)
  while (places.size < workingSet) placeOf(next(people))
  const draws = Array.from({ length: Math.min(drawsMax, people * 20) }, () => placeOf(next(people)))
  return { numbers: [...places.keys()], workingSet, draws }
}

/** Whole numbers below a bound, each as likely as any other but for one in a million. */
function chance(seed: string): (below: number) => number {
  let count = 0
  return (below) => {
    const hash = createHash('sha256').update(`${seed} ${count++}`).digest()
    return hash.readUIntBE(0, 6) % below
  }
}

export const scaleScenarios: readonly Scenario[] = [
  scale('scale-1k'),
  scale('scale-10k'),
  scale('scale-100k'),
  scale('scale-1m', { byName: true })
]

const measuredValue = (sample: Sample, name: string): number => sample.values?.[name] ?? Number.NaN
const [most, least] = ['scale-100k', 'scale-1k']

/** That a subscriber who does not sign costs nothing but room on the disk. */
export const scaleFigures: readonly Figure[] = [
  {
    name: `${most}/${least}`,
    needs: [most, least],
    goal: 0.95,
    value: (of) => of(most).perSecond / of(least).perSecond
  },
  ...(['startMs', 'memoryMiB'] as const).map(
    (name): Figure => ({
      name: `${most}/${least}-${name === 'startMs' ? 'start-up' : 'memory'}`,
      needs: [most, least],
      goal: 1.2,
      atMost: true,
      value: (of) => measuredValue(of(most), name) / measuredValue(of(least), name)
    })
  )
]
