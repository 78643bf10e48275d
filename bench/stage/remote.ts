import { generateKeyPairSync } from 'node:crypto'
import { StartError } from '../../src/errors.js'
import { approveOverHttp } from '../load/approval.js'
import { type Connection, createConnection } from '../load/connection.js'
import { createPhoneWriter, createRequestWriter } from '../load/requests.js'
import { createDeviceKeys } from '../prepare/device.js'
import { inLanes } from '../prepare/lanes.js'
import type { MeasuredAlgorithm, Person, Population } from '../prepare/protocol.js'
import type { Console } from '../progress.js'
import { accessToken } from './access-token.js'
import type { Served } from './stage.js'
import { readUsageElsewhere } from './usage.js'

const provider = 'vnpt'
const algorithms: readonly MeasuredAlgorithm[] = ['P-256', 'RSA-2048']
/** People enrolled at the same time. */
const enrolLanes = 4
const callTimeoutMs = 30_000

/** A server that somebody else runs. */
export interface Remote {
  served: Served
  close(): Promise<void>
}

/**
 * Enrols people at a server that somebody else runs, by its operator API and its phone API alone. They stay there:
 * nothing removes a subscriber. The relying party is removed in the end, and with it whatever still waits.
 * @param base Such as `https://sign.example.vn`. @param operatorKey Of an administrator.
 * @throws StartError with what the server answered.
 */
export async function openRemote(
  { base, operatorKey, people: count }: { base: string; operatorKey: string; people: number },
  console: Console
): Promise<Remote> {
  const operator = caller(`${base}/operator`, operatorKey)
  const run = Date.now().toString(36)
  const registered = await operator<{ clientId: string; clientSecret: string }>('POST', '/relying-parties', {
    provider,
    name: `Cổng thử tải ${run}`
  })
  const { clientId, clientSecret } = registered
  const close = async () => {
    await operator('DELETE', `/relying-parties/${provider}/${clientId}`)
  }
  try {
    const { people, audience } = await enrol(base, operator, run, count, console)
    const population: Population = { provider, clientId, clientSecret, people }
    const csc = `${base}/${provider}/csc/v2`
    const requests = createRequestWriter(csc, await accessToken(csc, population))
    const doors = { population, requests, phone: createPhoneWriter(`${base}/${provider}/phone`), audience }
    const keyOf = createDeviceKeys(people)
    const served: Served = {
      url: base,
      startMs: Number.NaN,
      ...doors,
      preparation: {
        async approve(seed, wanted, progress) {
          const lanes = new Map<number, { portal: Connection; phone: Connection }>()
          const laneOf = (lane: number) => {
            const pair = lanes.get(lane) ?? { portal: createConnection(base), phone: createConnection(base) }
            lanes.set(lane, pair)
            return pair
          }
          try {
            return await inLanes(
              wanted,
              (one, lane) => approveOverHttp(doors, seed, one, keyOf(one.person), laneOf(lane)),
              progress
            )
          } finally {
            for (const { portal, phone } of lanes.values()) {
              portal.close()
              phone.close()
            }
          }
        }
      },
      usage: () => readUsageElsewhere(base)
    }
    return { served, close }
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}

type Call = <Answer>(method: string, path: string, body?: object) => Promise<Answer>

function caller(base: string, key: string): Call {
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

/** @returns Also what the server calls itself, as the audience of its devices' tokens says. */
async function enrol(
  base: string,
  operator: Call,
  run: string,
  count: number,
  console: Console
): Promise<{ people: Person[]; audience: string }> {
  const progress = console.progress('enrolled')
  console.say(`enrolling ${count} people at ${base}, with an RSA-2048 and a P-256 credential each`)
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
      nationalId: `001${String(index).padStart(9, '0')}`
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
