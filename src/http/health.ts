import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { Type } from 'typebox'
import type { App } from './app.js'

/** A part that takes longer to answer is not there. */
const checkTimeoutMs = 2_500

/** What health and metrics ask. */
export interface HealthDeps {
  /** Parts without which nothing can be served; each throws when it does not answer. */
  checks: { database: () => Promise<void>; hsm: () => Promise<void> }
  /** Numbers by name in snake case, such as `hsm_signatures`: read at each scrape. */
  gauges: () => Readonly<Record<string, number>>
}

const Ready = Type.Object({ status: Type.Literal('ready') })
const NotReady = Type.Object({
  status: Type.Literal('unavailable'),
  unavailable: Type.Array(Type.Union([Type.Literal('database'), Type.Literal('hsm')]))
})

/** `/health/live`, `/health/ready` and `/metrics`. Called on the app itself, since it measures all surfaces. */
export function addHealth(app: App, { checks, gauges }: HealthDeps): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // The share of `active` in both is the event loop's utilisation; between two scrapes it says how busy it was.
  for (const part of ['active', 'idle'] as const) {
    new Counter({
      name: `kyso_event_loop_${part}_seconds_total`,
      help: `Seconds the event loop was ${part}`,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(performance.eventLoopUtilization()[part] / 1000)
      }
    })
  }
  const durations = new Histogram({
    name: 'kyso_http_request_duration_seconds',
    help: 'Time from request to answer, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry]
  })
  app.addHook('onResponse', (request, reply, done) => {
    // The pattern, not the path: the number of series has a limit.
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode
    }
    durations.observe(labels, reply.elapsedTime / 1000)
    done()
  })

  /** One look serves all who ask while it lasts: each costs a signature in the HSM. */
  let looking: Promise<('database' | 'hsm')[]> | null = null
  async function look(): Promise<('database' | 'hsm')[]> {
    const names = ['database', 'hsm'] as const
    const answers = await Promise.all(names.map((name) => succeeds(checks[name], name)))
    return names.filter((_, index) => answers[index] === false)
  }
  async function succeeds(check: () => Promise<void>, name: string): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${checkTimeoutMs} ms`)), checkTimeoutMs)
    })
    try {
      await Promise.race([check(), late])
      return true
    } catch (error) {
      app.log.warn({ err: error, part: name }, 'not ready')
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  app.register(async (scope: App) => {
    scope.get(
      '/health/live',
      {
        schema: {
          tags: ['health'],
          summary: 'Whether the process runs',
          response: { 200: Type.Object({ status: Type.Literal('live') }) }
        }
      },
      async () => ({ status: 'live' as const })
    )
    scope.get(
      '/health/ready',
      {
        schema: {
          tags: ['health'],
          summary: 'Whether database and HSM answer',
          response: { 200: Ready, 503: NotReady }
        }
      },
      async (_request, reply) => {
        looking ??= look().finally(() => {
          looking = null
        })
        const unavailable = await looking
        if (unavailable.length === 0) return { status: 'ready' as const }
        return reply.code(503).send({ status: 'unavailable' as const, unavailable })
      }
    )
    const known = new Map<string, Gauge>()
    scope.get(
      '/metrics',
      { schema: { tags: ['health'], summary: 'Numbers for Prometheus' } },
      async (_request, reply) => {
        for (const [name, value] of Object.entries(gauges())) {
          const gauge =
            known.get(name) ?? new Gauge({ name: `kyso_${name}`, help: name, registers: [registry] })
          known.set(name, gauge)
          gauge.set(value)
        }
        return reply.type(registry.contentType).send(await registry.metrics())
      }
    )
  })
}
