import { setTimeout as sleep } from 'node:timers/promises'
import { type Cast, castAt, type Person } from '../../clients/journey.js'
import { Portal } from '../../clients/portal.js'
import { type Company, dismiss, end, foreign, overlap, replay, type Signer, signerOf, twice } from './jobs.js'
import { type Ledger, openLedger } from './ledger.js'
import type { Stage } from './stage.js'

export const provider = 'vnpt'

/** Everybody at work until told to stop. */
export interface Load {
  readonly ledger: Ledger
  readonly cast: Cast
  /** Credentials that took part. */
  readonly people: readonly Person[]
  /** Jobs that ran to their end. */
  readonly done: Readonly<Record<string, number>>
  /** Jobs cut short, since an answer was missing. */
  readonly cut: readonly { job: string; at: number; why: string }[]
  /** Waits until so many more jobs of every kind are done. @throws Error when that takes too long. */
  further(ofEach: number): Promise<void>
  stop(): Promise<void>
}

type Job = (signer: Signer) => Promise<void>

/** How long a kind of job may fail to get done before the load counts as stuck. */
const stuckAfterMs = 90_000

/** Enrols everybody, then starts: each person is at one job at a time. */
export async function startLoad({ url, members }: Stage): Promise<Load> {
  const ledger = openLedger()
  const cast = castAt({ url, provider })
  const stranger = await cast.operator.post('/relying-parties', { provider, name: 'Cổng thử khác' })
  const other = await cast.enrol()
  const company: Company = {
    cast,
    // The address of a server outlives its process.
    direct: members.map((member) => new Portal({ url: member.url, provider })),
    stranger: castAt({
      url,
      provider,
      client: stranger.body as { clientId: string; clientSecret: string }
    }).portal,
    other,
    ledger
  }
  const people: Person[] = [other]
  const done: Record<string, number> = {}
  const cut: { job: string; at: number; why: string }[] = []
  let stopping = false

  /** One person: the jobs in turn, beginning with another one each. */
  async function work(signer: Signer, jobs: readonly (readonly [name: string, job: Job])[]): Promise<void> {
    for (let turn = 0; !stopping; turn += 1) {
      const [name, job] = jobs[turn % jobs.length] ?? ['none', async () => {}]
      try {
        await job(signer)
        done[name] = (done[name] ?? 0) + 1
      } catch (error) {
        const why = error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error)
        cut.push({ job: name, at: Date.now(), why })
        await tidy(signer.person).catch(() => sleep(100))
      }
    }
  }

  /** What a cut job left waiting would in the end be too many. */
  async function tidy({ device, credentialID }: Person): Promise<void> {
    await cast.operator.post(`/credentials/${credentialID}/resume`)
    for (const { id } of await device.challenges()) await device.reject(id)
  }

  async function enrol(algorithm: 'P-256' | 'RSA-2048'): Promise<Signer> {
    const person = await cast.enrol({ algorithm })
    people.push(person)
    return signerOf(person, algorithm)
  }

  /** Revocation is for good, so each is of a new credential of the same person. */
  const revoke: Job = async ({ person, signAlgo }) => {
    const path = `/subscribers/${person.id}/credentials`
    const { body } = await cast.operator.post(path, { algorithm: 'P-256', publish: true })
    if (typeof body.credentialID !== 'string') throw new Error('no credential was issued')
    const fresh = { ...person, credentialID: body.credentialID }
    people.push(fresh)
    await end(company, { person: fresh, signAlgo }, 'revoke')
  }

  const jobs = {
    replay: (signer: Signer) => replay(company, signer),
    overlap: (signer: Signer) => overlap(company, signer),
    twice: (signer: Signer) => twice(company, signer),
    foreign: (signer: Signer) => foreign(company, signer),
    suspend: (signer: Signer) => end(company, signer, 'suspend'),
    revoke,
    dismiss: (signer: Signer) => dismiss(company, signer, url, provider)
  }
  const common = (['replay', 'overlap', 'twice', 'foreign'] as const).map(
    (name) => [name, jobs[name]] as const
  )
  const working = [
    ...(await Promise.all([enrol('P-256'), enrol('P-256'), enrol('RSA-2048'), enrol('RSA-2048')])).map(
      (signer, first) => work(signer, [...common.slice(first), ...common.slice(0, first)])
    ),
    ...(['suspend', 'revoke', 'dismiss'] as const).map(async (name) =>
      work(await enrol('P-256'), [[name, jobs[name]]])
    )
  ]

  return {
    ledger,
    cast,
    people,
    done,
    cut,
    async further(ofEach) {
      const before = { ...done }
      const startedAt = Date.now()
      const missing = () =>
        Object.keys(jobs).filter((name) => (done[name] ?? 0) - (before[name] ?? 0) < ofEach)
      while (missing().length > 0) {
        if (Date.now() - startedAt > stuckAfterMs) {
          throw new Error(`jobs are not done: ${missing()}; last: ${JSON.stringify(cut.slice(-3))}`)
        }
        await sleep(20)
      }
    },
    async stop() {
      stopping = true
      await Promise.all(working)
    }
  }
}
