import { X509Certificate } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { readAnswer, UnexpectedAnswer } from '../load/approval.js'
import type { Answer } from '../load/closed-loop.js'
import { type Connection, createConnection, type RawAnswer } from '../load/connection.js'
import { createRequestWriter, type RequestWriter } from '../load/requests.js'
import type { MeasuredAlgorithm } from '../prepare/protocol.js'
import type { Sample } from '../report/result.js'
import { sampleOf } from '../report/sample.js'
import type { ServedVariant, Stage } from '../stage/stage.js'
import { parseMetrics } from '../stage/usage.js'
import type { OpenScenario, Round, Scenario } from './scenario.js'

const provider = 'vnpt'
/** Operators at work. */
const workers = 8
/** Keys of each type made ahead; as many credentials are timed. A key is made four times a second at most. */
const poolSize = 24
const poolSizeQuick = 3
/** Types that are made ahead: RSA-2048 and P-256. */
const poolTypes = 2
const poolLookMs = 250
const poolTimeoutMs = 300_000
/** An RSA key may take a second to be found. */
const windowMsMin = 2_000
const failuresMax = 100

/** `enrol-*`: a subscriber and a credential, by the operator API. */
function enrolScenario(name: string, algorithm: MeasuredAlgorithm, pool: boolean): Scenario {
  const keys = pool ? 'with as many keys made ahead as are issued' : 'with no keys made ahead'
  return {
    name,
    about: `POST /operator/subscribers and POST credentials, ${algorithm}, ${workers} at a time, ${keys}; latency of both`,
    unit: 'credentials/s',
    roundsMax: 3,
    open: (stage) => openEnrol(stage, name, algorithm, pool)
  }
}

async function openEnrol(
  stage: Stage,
  name: string,
  algorithm: MeasuredAlgorithm,
  pool: boolean
): Promise<OpenScenario> {
  const size = pool ? (stage.options.quick ? poolSizeQuick : poolSize) : 0
  const served = await stage.servedWith({ KEY_POOL: String(size) })
  const requests = createRequestWriter(`${served.url}/operator`, await served.operatorKey())
  let people = 0
  // Both scenarios of a pool use it; what one took is there again before another one's window opens.
  await filled(stage, served, size)

  async function enrol(index: number, connection: Connection): Promise<RawAnswer> {
    const made = await connection.send(
      requests.post('/subscribers', {
        provider,
        login: `${name}-${index}`,
        fullName: `Nguyễn Thị Mới ${index}`,
        nationalId: `002${String(index).padStart(9, '0')}`
      })
    )
    const { id } = readAnswer<{ id: string }>(made, 201)
    return issue(requests, id, algorithm, connection)
  }

  async function run({ windowMs, warmUpMs }: Round) {
    const answers: Answer[] = []
    let failures = 0
    let left = pool ? size : Number.POSITIVE_INFINITY
    const windowFrom = performance.now() + (pool ? 0 : warmUpMs)
    const windowEnd = pool ? Number.POSITIVE_INFINITY : windowFrom + Math.max(windowMs, windowMsMin)

    async function work(): Promise<void> {
      const connection = createConnection(served.url)
      while (left > 0 && performance.now() < windowEnd && failures < failuresMax) {
        left -= 1
        people += 1
        const startedAt = performance.now()
        const answered = ({ status, body }: RawAnswer) => {
          const endedAt = performance.now()
          answers.push({ index: answers.length, status, body, latencyMs: endedAt - startedAt, endedAt })
        }
        try {
          answered(await enrol(people, connection))
        } catch (error) {
          if (error instanceof UnexpectedAnswer) answered(error.answer)
          else failures += 1
        }
      }
      connection.close()
    }
    await Promise.all(Array.from({ length: workers }, work))
    const windowTo = pool ? performance.now() : windowEnd
    return { answers, sent: answers.length + failures, failures, windowFrom, windowTo, ranOut: false }
  }

  return {
    async measure(round): Promise<Sample> {
      const before = await served.usage()
      const loop = await run(round)
      const after = await served.usage()
      const refused = loop.answers.find(({ status }) => status !== 201)
      if (refused !== undefined)
        stage.console.say(`  an enrolment ended with ${refused.status} ${refused.body}`)
      const issued = loop.answers.filter(({ status }) => status === 201)
      const verified = verifyCertificates(issued.map(({ body }) => body))
      await filled(stage, served, size)
      return sampleOf({ loop, success: 201, digests: 1, connections: workers, before, after, verified })
    },
    close: () => served.close()
  }
}

async function issue(
  requests: RequestWriter,
  subscriberId: string,
  algorithm: MeasuredAlgorithm,
  connection: Connection
): Promise<RawAnswer> {
  const path = `/subscribers/${subscriberId}/credentials`
  const issued = await connection.send(requests.post(path, { algorithm, publish: true }))
  readAnswer(issued, 201)
  return issued
}

/** Waits until all keys that a server makes ahead are there. */
async function filled(stage: Stage, { url }: ServedVariant, size: number): Promise<void> {
  const wanted = size * poolTypes
  const progress = stage.console.progress('keys made ahead')
  const until = performance.now() + poolTimeoutMs
  for (;;) {
    const metrics = parseMetrics(await (await fetch(`${url}/metrics`)).text())
    const there = metrics.get('kyso_hsm_keys_prepared')
    if (there === undefined) throw new Error("the server's /metrics do not say how many keys were made ahead")
    if (there >= wanted) return
    if (performance.now() > until) throw new Error(`only ${there} of ${wanted} keys are made ahead`)
    progress(there, wanted)
    await setTimeout(poolLookMs)
  }
}

/**
 * Each certificate issued is signed by the one above it, and no two have the same key.
 * @returns How many.
 * @throws Error when one is not.
 */
function verifyCertificates(bodies: readonly string[]): number {
  const keys = new Set<string>()
  for (const body of bodies) {
    const { certificatePem, chainPem } = JSON.parse(body) as { certificatePem: string; chainPem: string }
    const certificate = new X509Certificate(certificatePem)
    const above = (chainPem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
      (pem) => new X509Certificate(pem)
    )
    const issuer = above.find(({ subject }) => subject === certificate.issuer)
    if (issuer === undefined || !certificate.verify(issuer.publicKey))
      throw new Error(`a certificate is not signed by its issuer: ${certificatePem}`)
    keys.add(certificate.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'))
  }
  if (keys.size !== bodies.length) throw new Error(`${bodies.length} certificates have ${keys.size} keys`)
  return bodies.length
}

export const enrolScenarios: readonly Scenario[] = [
  enrolScenario('enrol-rsa2048', 'RSA-2048', false),
  enrolScenario('enrol-rsa2048-pool', 'RSA-2048', true),
  enrolScenario('enrol-p256', 'P-256', false),
  enrolScenario('enrol-p256-pool', 'P-256', true)
]
