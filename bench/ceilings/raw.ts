import { availableParallelism } from 'node:os'
import type { Scenario } from '../scenarios/scenario.js'
import { type CeilingChild, startCeilingChild } from './child.js'
import type { FromRaw, RawWork, ToRaw } from './raw-protocol.js'

const program = new URL('raw-process.js', import.meta.url)

type RawChild = CeilingChild<ToRaw, FromRaw>
/** One process serves all raw ceilings; it ends with the last of them. */
let running: Promise<RawChild> | null = null
let users = 0

function raw(name: string, about: string, work: RawWork): Scenario {
  return {
    name,
    about,
    unit: work.operation === 'sign' ? 'signatures/s' : 'unwraps/s',
    async open({ settings }) {
      users += 1
      running ??= startCeilingChild<ToRaw, FromRaw>(program, [
        settings.SIGNING_WORKERS ?? String(availableParallelism())
      ])
      const child = await running
      return {
        async measure({ warmUpMs, windowMs }) {
          const answer = await child.ask({ type: 'measure', work, warmUpMs, windowMs })
          if (answer.type !== 'measured') throw new Error(`${name}: ${JSON.stringify(answer)}`)
          return { perSecond: answer.perSecond, windowMs }
        },
        async close() {
          users -= 1
          if (users > 0) return
          running = null
          await child.stop({ type: 'stop' })
        }
      }
    }
  }
}

const loop = 'as many threads as the server has signing workers, each in a loop'

/** What the HSM gives to whoever asks for nothing else. */
export const rawCeilings: readonly Scenario[] = [
  raw('raw-p256', `C_SignInit and C_Sign, P-256: ${loop}`, { operation: 'sign', algorithm: 'P-256' }),
  raw('raw-rsa2048', `C_SignInit and C_Sign, RSA-2048: ${loop}`, {
    operation: 'sign',
    algorithm: 'RSA-2048'
  }),
  raw('unwrap-p256', `C_UnwrapKey and C_DestroyObject, P-256: ${loop}`, {
    operation: 'unwrap',
    algorithm: 'P-256'
  }),
  raw('unwrap-rsa2048', `C_UnwrapKey and C_DestroyObject, RSA-2048: ${loop}`, {
    operation: 'unwrap',
    algorithm: 'RSA-2048'
  })
]
