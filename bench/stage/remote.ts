import { approveOverHttp } from '../load/approval.js'
import { type Connection, createConnection } from '../load/connection.js'
import { createPhoneWriter, createRequestWriter } from '../load/requests.js'
import { createDeviceKeys } from '../prepare/device.js'
import { inLanes } from '../prepare/lanes.js'
import type { Population } from '../prepare/protocol.js'
import type { Console } from '../progress.js'
import { accessToken } from './access-token.js'
import { enrolOverHttp, operatorCalls } from './enrol-over-http.js'
import type { Served } from './stage.js'
import { readUsageElsewhere } from './usage.js'

const provider = 'vnpt'

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
  const operator = operatorCalls(base, operatorKey)
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
    const { people, audience } = await enrolOverHttp(base, operator, {
      provider,
      run,
      count,
      algorithms: ['P-256', 'RSA-2048'],
      console
    })
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
      pid: null,
      databaseUrl: () => Promise.reject(new Error('the database of a server elsewhere is its own')),
      operatorKey: async () => operatorKey,
      usage: () => readUsageElsewhere(base)
    }
    return { served, close }
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}
