import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Portal } from '../clients/portal.js'
import { ServerProcess } from '../clients/server-process.js'

/** Calls with a right token that a median is taken of, and how often crowd and quiet take turns. */
const calls = 120
const rounds = 5
/** Wrong tokens a second, sent in tenths of it. */
const wrongPerSecond = 200

t.setTimeout(180_000)

t.test(
  'whoever has a right token hardly notices 200 wrong ones a second',
  { timeout: 180_000 },
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kyso-tokens-'))
    const server = await ServerProcess.start(dataDir)
    t.teardown(async () => {
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    })
    const portal = new Portal({ url: server.url, provider: 'vnpt' })
    const token = await portal.token()
    const agents = {
      right: new Agent({ keepAlive: true }),
      wrong: new Agent({ keepAlive: true, maxSockets: 500 })
    }
    t.teardown(() => Object.values(agents).map((agent) => agent.destroy()))

    /** Lists credentials with a token. @returns The status, and how long it took. */
    const list = (bearer: string, agent: Agent) =>
      new Promise<{ status: number; ms: number }>((resolve, reject) => {
        const startedAt = performance.now()
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
        const sent = request(
          `${portal.base}/credentials/list`,
          { method: 'POST', headers, agent },
          (answer) => {
            answer.resume()
            answer.once('end', () =>
              resolve({ status: answer.statusCode ?? 0, ms: performance.now() - startedAt })
            )
          }
        )
        sent.once('error', reject)
        sent.end('{"userID":"001088035895"}')
      })

    async function medianMs(): Promise<number> {
      const took: number[] = []
      for (let call = 0; call < calls; call += 1) {
        const { status, ms } = await list(token, agents.right)
        if (status !== 200) throw new Error(`a right token was answered ${status}`)
        took.push(ms)
        await sleep(5)
      }
      return took.sort((a, b) => a - b)[calls / 2] ?? Number.NaN
    }

    async function inACrowd<T>(work: () => Promise<T>): Promise<T> {
      const statuses: Promise<number>[] = []
      const timer = setInterval(() => {
        for (let wrong = 0; wrong < wrongPerSecond / 10; wrong += 1) {
          statuses.push(
            list(randomBytes(32).toString('base64url'), agents.wrong).then(({ status }) => status)
          )
        }
      }, 100)
      await sleep(1_500) // until what is refused at once is used up
      const done = await work()
      clearInterval(timer)
      t.same([...new Set(await Promise.all(statuses))], [401], `${statuses.length} wrong tokens were refused`)
      return done
    }

    await medianMs() // warms up
    const ratios: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const quiet = await medianMs()
      ratios.push((await inACrowd(medianMs)) / quiet)
    }
    ratios.sort((a, b) => a - b)
    t.comment(`p50 in the crowd ÷ alone: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`)
    t.ok((ratios[Math.floor(rounds / 2)] ?? Number.NaN) <= 1.5, `${ratios}`)
  }
)
