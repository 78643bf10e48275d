import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Clock ticks a second in /proc; 100 on every Linux that Node runs on. */
const ticksPerS = 100

/** What had been used at one moment. NaN: cannot be known here. */
export interface Usage {
  /** `performance.now()` of the reading. */
  at: number
  /** CPU seconds of the server process, all its threads. */
  serverCpuS: number
  /** CPU seconds of PostgreSQL: its main process and all others it has. */
  postgresCpuS: number
  /** CPU seconds of this process, the load generator. */
  generatorCpuS: number
  /** Seconds in which the server's event loop worked, and waited. */
  loopActiveS: number
  loopIdleS: number
  /** Statements the server sent to PostgreSQL, BEGIN and COMMIT included. */
  statements: number
  /** Resident memory of the server, octets. */
  residentOctets: number
  keyLoads: number
  keyHits: number
}

/** Reads what was used, by way of the server's own /metrics and, of PostgreSQL, of /proc. */
export async function readUsage(url: string, dataDir: string): Promise<Usage> {
  const metrics = parseMetrics(await (await fetch(`${url}/metrics`)).text())
  const metric = (name: string): number => {
    const value = metrics.get(name)
    if (value === undefined) throw new Error(`the server's /metrics have no ${name}`)
    return value
  }
  return {
    ...ownUsage(),
    ...toldBy(metric),
    serverCpuS: metric('process_cpu_seconds_total'),
    postgresCpuS: postgresCpuS(dataDir) ?? Number.NaN
  }
}

/** What any server's /metrics tell of itself. */
function toldBy(metric: (name: string) => number) {
  return {
    loopActiveS: metric('kyso_event_loop_active_seconds_total'),
    loopIdleS: metric('kyso_event_loop_idle_seconds_total'),
    statements: metric('kyso_database_statements'),
    residentOctets: metric('process_resident_memory_bytes'),
    keyLoads: metric('kyso_hsm_key_loads'),
    keyHits: metric('kyso_hsm_key_hits')
  }
}

/**
 * Of a server elsewhere: what its /metrics tell, if it shows them. CPU is left out, since others may use that machine,
 * and several servers may answer under one address.
 */
export async function readUsageElsewhere(url: string): Promise<Usage> {
  const metrics = await fetch(`${url}/metrics`).then(
    async (answer) => (answer.ok ? parseMetrics(await answer.text()) : new Map<string, number>()),
    () => new Map<string, number>()
  )
  const metric = (name: string): number => metrics.get(name) ?? Number.NaN
  return {
    ...ownUsage(),
    ...toldBy(metric),
    serverCpuS: Number.NaN,
    postgresCpuS: Number.NaN
  }
}

function ownUsage(): Pick<Usage, 'at' | 'generatorCpuS'> {
  const { user, system } = process.cpuUsage()
  return { at: performance.now(), generatorCpuS: (user + system) / 1e6 }
}

/** Values without labels, of the Prometheus text format. */
export function parseMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_]+) ([-+.0-9eE]+)$/.exec(line) ?? []
    if (name !== undefined) values.set(name, Number(value))
  }
  return values
}

/** CPU of the embedded PostgreSQL so far: processes that ended are counted by the one that began them. */
function postgresCpuS(dataDir: string): number | null {
  try {
    const lines = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
    const main = Number(lines[0])
    const children = readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .flatMap((name) => {
        const stat = readStat(name)
        return stat !== null && stat.parent === main ? [stat.own] : []
      })
    const stat = readStat(String(main))
    return stat === null ? null : stat.own + stat.ended + children.reduce((sum, own) => sum + own, 0)
  } catch {
    return null
  }
}

/** proc(5): parent, CPU seconds of the process, and of its children that were waited for. */
function readStat(pid: string): { parent: number; own: number; ended: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const field = (number: number) => fields[number - 3] ?? 0
    return {
      parent: field(4),
      own: (field(14) + field(15)) / ticksPerS,
      ended: (field(16) + field(17)) / ticksPerS
    }
  } catch {
    return null // it ended meanwhile
  }
}
