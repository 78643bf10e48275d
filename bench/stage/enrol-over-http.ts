import { generateKeyPairSync } from 'node:crypto'
import { StartError } from '../../src/errors.js'
import type { MeasuredAlgorithm, Person } from '../prepare/protocol.js'
import type { Console } from '../progress.js'

/** People enrolled at the same time. */
const enrolLanes = 4
const callTimeoutMs = 30_000

/** One call: method, path, body. */
export type OperatorCalls = <Answer>(method: string, path: string, body?: object) => Promise<Answer>

/** Calls the operator API of a server. @throws StartError with what the server answered. */
export function operatorCalls(server: string, key: string): OperatorCalls {
  const base = `${server}/operator`
  return async <Answer>(method: string, path: string, body?: object) => {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(callTimeoutMs)
    })
    const text = await answer.text()
    if (!answer.ok) throw new StartError(`${method} ${base}${path} answered ${answer.status} ${text}`)
    return (text === '' ? null : JSON.parse(text)) as Answer
  }
}

/** Who is to be enrolled. */
export interface Enrolment {
  provider: string
  /** Goes into every login, so that none was taken before. */
  run: string
  count: number
  algorithms: readonly MeasuredAlgorithm[]
  /** Where the provider asks for one. */
  password?: string
  console: Console
}

/**
 * Enrols people by a server's operator API and phone API alone.
 * @returns Also what the server calls itself, as the audience of its devices' tokens says.
 */
export async function enrolOverHttp(
  base: string,
  operator: OperatorCalls,
  { provider, run, count, algorithms, password, console }: Enrolment
): Promise<{ people: Person[]; audience: string }> {
  const progress = console.progress('enrolled')
  console.say(`enrolling ${count} people at ${base}/${provider}, with ${algorithms.join(' and ')} each`)
  const people = new Array<Person>(count)
  let audience = ''
  let next = 0
  let done = 0

  async function one(index: number): Promise<Person> {
    const login = `bench-${run}-${index}`
    const { id: subscriberId } = await operator<{ id: string }>('POST', '/subscribers', {
      provider,
      login,
      fullName: `Nguyễn Thị Thử ${index}`,
      nationalId: `001${String(index).padStart(9, '0')}`,
      ...(password === undefined ? {} : { password })
    })
    const { code } = await operator<{ code: string }>(
      'POST',
      `/subscribers/${subscriberId}/activation-codes`,
      {}
    )
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
    const device = await fetch(`${base}/${provider}/phone/devices`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        activationCode: code,
        name: 'Điện thoại thử tải',
        platform: 'bench',
        publicKey: { kty, crv, x, y }
      }),
      signal: AbortSignal.timeout(callTimeoutMs)
    })
    const enrolled = (await device.json()) as { deviceId: string; audience: string }
    if (device.status !== 201)
      throw new Error(`a device is refused: ${device.status} ${JSON.stringify(enrolled)}`)
    audience = enrolled.audience
    const credentials: Person['credentials'] = {}
    for (const algorithm of algorithms) {
      const issued = await operator<{ credentialID: string; certificatePem: string }>(
        'POST',
        `/subscribers/${subscriberId}/credentials`,
        { algorithm, publish: true, validDays: 2 }
      )
      const certificate = issued.certificatePem.replace(/-----[A-Z ]+-----|\s/g, '')
      credentials[algorithm] = { id: issued.credentialID, certificate }
    }
    return {
      subscriberId,
      login,
      deviceId: enrolled.deviceId,
      devicePkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
      credentials
    }
  }
  async function work(): Promise<void> {
    for (let index = next++; index < count; index = next++) {
      people[index] = await one(index)
      done += 1
      progress(done, count)
    }
  }
  await Promise.all(Array.from({ length: Math.min(enrolLanes, count) }, work))
  return { people, audience }
}
