/*
 * The preparation: a process that opens ground and middle floor like a server does, but no surface. It enrols people
 * and lets their devices confirm activations, in bulk, outside everything that is timed. To the house it is one more
 * server process that shares database and HSM.
 */
import type { KeyObject } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { readConfig } from '../../src/config.js'
import { openGround } from '../../src/ground.js'
import { createLog } from '../../src/http/log.js'
import { openMiddle } from '../../src/middle.js'
import { openDataDir } from '../../src/store/data-dir.js'
import { approve } from './approve.js'
import { loadPopulation } from './bulk.js'
import { createDeviceKeys } from './device.js'
import { enrolPopulation } from './enrol.js'
import type { FromPreparation, Population, Task, ToPreparation } from './protocol.js'

if (process.send === undefined) throw new TypeError('the benchmark starts this program')
const say = (message: FromPreparation) => process.send?.(message)
const config = readConfig()
const log = createLog(config.logLevel)
const now = () => new Date()
const dataDir = await openDataDir(config.dataDir)
const ground = await openGround(config, log, now)
const publicUrl = config.publicUrl ?? 'http://bench.kyso.test'
const serverId = uuidv7({ msecs: now().getTime() })
const middle = await openMiddle({ ground, config, log, now, serverId, publicUrl })
/** Who takes part, sent once since it is large, and their device keys. */
let known: { population: Population; keyOf: (person: number) => KeyObject } | null = null

async function run(task: Task, progress: (done: number, of: number) => void): Promise<unknown> {
  switch (task.type) {
    case 'enrol':
      return enrolPopulation(middle, task.people, progress)
    case 'load':
      return loadPopulation({ ground, middle, now }, task.people, task.wanted, progress)
    case 'population':
      known = { population: task.population, keyOf: createDeviceKeys(task.population.people) }
      return null
    case 'approve':
      if (known === null) throw new TypeError('nobody is known yet')
      return approve(
        { activations: middle.activations, publicUrl, now, keyOf: known.keyOf },
        known.population,
        task,
        progress
      )
    case 'operator': {
      const wanted = { role: task.role, name: 'bench' }
      return (await middle.access.operators.create(wanted, `server:${serverId}`)).key
    }
    case 'close':
      return close()
  }
}

let closing: Promise<void> | null = null
function close(): Promise<void> {
  closing ??= middle
    .close()
    .then(() => ground.close())
    .then(() => dataDir.release())
  return closing
}

process.on('message', ({ number, task }: ToPreparation) => {
  run(task, (done, of) => say({ type: 'progress', number, done, of })).then(
    (result) => {
      say({ type: 'done', number, result })
      if (task.type === 'close') process.disconnect()
    },
    (error: unknown) =>
      say({
        type: 'failed',
        number,
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error)
      })
  )
})
// Ctrl-C reaches the whole group; whoever started us closes us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => void close().finally(() => process.exit()))
say({ type: 'open' })
