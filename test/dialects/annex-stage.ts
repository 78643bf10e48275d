import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import {
  type AnnexBody,
  AnnexClient,
  type AnnexManners,
  certificateOctets,
  type ListedSignature
} from '../clients/annex.js'
import { type Cast, castAt, type Person } from '../clients/journey.js'
import type { Answer } from '../clients/portal.js'
import type { World } from '../world.js'
import { verifies } from './openssl.js'

/** How a dialect of the annex answers, as its documents have it. */
export interface AnnexDialect {
  /** At which provider its people and relying parties are. */
  provider: string
  /** Of the demo person. */
  login: string
  manners: AnnexManners
  /** Seconds that the subscriber has. */
  ttlS: number
  /** `message` of a transaction without signatures. */
  messages: { waiting: string; signed: string; rejected: string; expired: string }
  /** `signatures` while there are none. */
  unsigned: (docIds: readonly string[]) => ListedSignature[] | null
  /** What `status` answers beside the envelope. */
  beside: (spId: string) => object
  /** Whether `message` and `signatures` say that it still waits. */
  waits: (body: AnnexBody) => boolean
  /** `data` of `sign`. `made`: what the server chose. */
  asked: (transactionId: string, docIds: readonly string[], made: AnnexBody['data']) => object
  /** `message` of `sign`. */
  askedMessage: string
  /** What is said where nobody was found. */
  nobodyMessage: string
}

/** Who plays at one dialect. */
export interface AnnexStage {
  world: World
  dialect: AnnexDialect
  cast: Cast
  /** The portal of the demo seed. */
  client: AnnexClient
  /** A further relying party. */
  register(options?: object): Promise<{ clientId: string; client: AnnexClient }>
  /** Somebody with an RSA credential and a device of their own, the same for all who ask. */
  person(): Promise<Person>
  /** Another RSA credential of that person: its id and serial number. */
  anotherCredential(person: Person): Promise<{ id: string; serialNumber: string }>
  /** Takes away whatever waits for a person, for only some may wait at once. */
  clear(person: Person): Promise<void>
  /** Confirms the one challenge that waits. */
  confirm(t: Test, person: Person): Promise<void>
  /** Refuses it. */
  reject(t: Test, person: Person): Promise<void>
}

export function setStage(world: World, dialect: AnnexDialect): AnnexStage {
  const { url, clock } = world
  const { provider, manners } = dialect
  const cast = castAt({ url, provider, now: clock.now })
  let somebody: Promise<Person> | undefined

  const onlyChallenge = async (t: Test, { device }: Person) => {
    const challenges = await device.challenges()
    const [challenge] = challenges
    t.equal(challenges.length, 1, 'one challenge waits')
    if (challenge === undefined) throw new Error('nothing waits')
    return challenge
  }

  return {
    world,
    dialect,
    cast,
    client: new AnnexClient({ url, manners }),
    async register(options = {}) {
      const { status, body } = await cast.operator.post('/relying-parties', {
        provider,
        name: 'Cổng thử',
        ...options
      })
      if (status !== 201) throw new Error(JSON.stringify(body))
      const of = { spId: String(body.clientId), spPassword: String(body.clientSecret) }
      return { clientId: of.spId, client: new AnnexClient({ url, manners, ...of }) }
    },
    person() {
      somebody ??= cast.enrol({ algorithm: 'RSA-2048' })
      return somebody
    },
    async anotherCredential({ id }) {
      const { status, body } = await cast.operator.post(`/subscribers/${id}/credentials`, {
        algorithm: 'RSA-2048',
        publish: true
      })
      if (status !== 201) throw new Error(JSON.stringify(body))
      return { id: String(body.credentialID), serialNumber: String(body.serialNumber) }
    },
    async clear({ device }) {
      for (const { id } of await device.challenges()) await device.reject(id)
    },
    async confirm(t, person) {
      const answer = await person.device.confirm(await onlyChallenge(t, person))
      t.equal(answer.status, 200, JSON.stringify(answer.body))
    },
    async reject(t, person) {
      t.equal((await person.device.reject((await onlyChallenge(t, person)).id)).status, 200)
    }
  }
}

/** A transaction id that nobody has used. */
export const newId = (): string => randomUUID()

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** An answer that is not a success: the code in HTTP and in the envelope, its symbol, and a sentence. */
export function isFault(
  t: Test,
  answer: Answer<AnnexBody>,
  [status, symbol]: readonly [number, string],
  name: string
): void {
  const { description, ...rest } = answer.body
  t.same([answer.status, rest], [status, { status_code: status, message: symbol, data: null }], name)
  t.match(description, /\w.*\.$/, `${name}: a sentence`)
  t.match(answer.headers.get('content-type'), /^application\/json/)
  t.match(answer.headers.get('x-request-id'), uuid)
}

export const badRequest = [400, 'BAD_REQUEST'] as const
export const wrongCredentials = [401, 'SP_CREDENTIAL_INVALID'] as const
export const unusable = [403, 'CREDENTIAL_STATUS_INVALID'] as const
export const tooMany = [429, 'TOO_MANY_REQUESTS'] as const

/** That `sign` accepted, field by field. */
export function isAsked(
  t: Test,
  { status, body }: Answer<AnnexBody>,
  { dialect }: AnnexStage,
  { transactionId, docIds }: { transactionId: string; docIds: readonly string[] }
): void {
  t.same(
    [status, body],
    [
      200,
      {
        status_code: 200,
        message: dialect.askedMessage,
        data: dialect.asked(transactionId, docIds, body.data)
      }
    ]
  )
  if (body.data?.tran_code !== undefined) t.match(body.data.tran_code, uuid)
}

/** That a transaction stands so, field by field. `spId`: who asks. */
export function stands(
  t: Test,
  { status, body }: Answer<AnnexBody>,
  { dialect }: AnnexStage,
  {
    state,
    transactionId,
    docIds,
    spId = 'dvctt'
  }: {
    state: 'waiting' | 'rejected' | 'expired'
    transactionId: string
    docIds: readonly string[]
    spId?: string
  }
): void {
  const data = { transaction_id: transactionId, signatures: dialect.unsigned(docIds) }
  const expected = { status_code: 200, message: dialect.messages[state], data }
  t.same([status, body], [200, { ...dialect.beside(spId), ...expected }], state)
}

/** That it was signed: field by field, each document in its place, each signature found good by openssl. */
export async function isSigned(
  t: Test,
  { status, body }: Answer<AnnexBody>,
  { dialect }: AnnexStage,
  {
    transactionId,
    docIds,
    digests,
    certificate,
    spId = 'dvctt'
  }: {
    transactionId: string
    docIds: readonly string[]
    digests: readonly Uint8Array[]
    /** `cert_data`. */
    certificate: string
    spId?: string
  }
): Promise<void> {
  const values = (body.data?.signatures ?? []).map(({ signature_value }) => signature_value)
  const signatures = docIds.map((doc_id, index) => ({
    doc_id,
    signature_value: values[index],
    timestamp_signature: null
  }))
  t.same(
    [status, body],
    [
      200,
      {
        ...dialect.beside(spId),
        status_code: 200,
        message: dialect.messages.signed,
        data: { transaction_id: transactionId, signatures }
      }
    ]
  )
  const leaf = certificateOctets(certificate)
  const bad: number[] = []
  for (const [index, digest] of digests.entries()) {
    const signature = Buffer.from(values[index] ?? '', 'base64')
    // Base64 of 256 octets, without line breaks.
    const good = signature.length === 256 && signature.toString('base64') === values[index]
    if (!good || !(await verifies(leaf, digest, signature))) bad.push(index)
  }
  t.same(bad, [], `openssl verifies ${digests.length} signatures`)
}

/** What a request had wrong, by the X-Request-Id of its answer. */
export async function diagnosisOf(
  { cast }: AnnexStage,
  answer: Answer<AnnexBody>
): Promise<{ status: number; codes: string[]; body: Record<string, unknown> }> {
  const found = await cast.operator.get(`/requests/${answer.headers.get('x-request-id')}`)
  const diagnoses = (found.body.diagnoses ?? []) as { code: string }[]
  return { status: found.status, codes: diagnoses.map(({ code }) => code), body: found.body }
}

/** Looks until it is as expected, or long enough. */
export async function eventually<T>(look: () => Promise<T>, good: (found: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const found = await look()
    if (good(found) || tries > 400) return found
    await sleep(50)
  }
}
