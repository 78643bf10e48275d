import type { KeyObject } from 'node:crypto'
import type { Challenge } from '../../src/activation/activation.js'
import { hashes } from '../../src/hsm/hashes.js'
import { biometricToken, deviceToken } from '../prepare/device.js'
import { credentialOf, type Person, type Population, personOf, type Wanted } from '../prepare/protocol.js'
import type { Connection, RawAnswer } from './connection.js'
import { digestOf } from './documents.js'
import type { PhoneWriter, RequestWriter } from './requests.js'

/** What the portal names as the factor; it has no value, the phone answers (CSC API v2 §11.6). */
const factor = 'biometric'

/** The doors by which a portal and a phone come in. */
export interface Doors {
  readonly population: Population
  readonly requests: RequestWriter
  readonly phone: PhoneWriter
  /** Of the tokens of devices. */
  readonly audience: string
}

/** An answer other than the one that is needed to go on. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
  constructor(readonly answer: RawAnswer) {
    super(`${answer.status} ${answer.body}`)
  }
}

/** @throws UnexpectedAnswer */
export function readAnswer<Body>(answer: RawAnswer, status: number): Body {
  if (answer.status !== status) throw new UnexpectedAnswer(answer)
  return JSON.parse(answer.body) as Body
}

/**
 * Asks for an activation as a portal does, and confirms it as its owner's phone does.
 * @param key Of the owner's device.
 * @returns The handle.
 * @throws UnexpectedAnswer
 */
export async function approveOverHttp(
  { population, requests, phone: calls, audience }: Doors,
  seed: string,
  { person, algorithm, documents }: Wanted,
  key: KeyObject,
  { portal, phone }: { portal: Connection; phone: Connection }
): Promise<string> {
  const owner = personOf(population.people, person)
  const digests = Array.from({ length: documents.count }, (_, index) =>
    digestOf(seed, documents.first + index).toString('base64')
  )
  const asked = await portal.send(
    requests.post('/credentials/authorize', {
      credentialID: credentialOf(owner, algorithm).id,
      numSignatures: digests.length,
      hashes: digests,
      hashAlgorithmOID: hashes['SHA-256'].oid,
      authData: [{ id: factor }],
      description: 'Hồ sơ thử tải'
    })
  )
  const { handle } = readAnswer<{ handle: string }>(asked, 202)
  await confirmOverHttp({ calls, audience }, owner, key, handle, phone)
  return handle
}

/**
 * A phone reads its challenges and confirms one.
 * @param key Of the device. @param activationId Null: the oldest that waits.
 * @throws UnexpectedAnswer
 */
export async function confirmOverHttp(
  { calls, audience }: { calls: PhoneWriter; audience: string },
  owner: Person,
  key: KeyObject,
  activationId: string | null,
  phone: Connection
): Promise<void> {
  const proof = () => deviceToken(owner, key, audience, new Date())
  const waiting = await phone.send(calls.get('/challenges', proof()))
  const challenge = readAnswer<Challenge[]>(waiting, 200).find(
    ({ id }) => activationId === null || id === activationId
  )
  if (challenge === undefined) throw new UnexpectedAnswer({ ...waiting, status: 404 })
  const token = biometricToken(owner, key, challenge, new Date())
  readAnswer(await phone.send(calls.post(`/challenges/${challenge.id}/confirm`, proof(), { token })), 200)
}
