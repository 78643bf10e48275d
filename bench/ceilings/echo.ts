import { closedLoop } from '../load/closed-loop.js'
import { createRequestWriter } from '../load/requests.js'
import { signAlgo } from '../scenarios/approved.js'
import type { Scenario } from '../scenarios/scenario.js'
import { connectionsOf } from '../scenarios/sign.js'
import { startCeilingChild } from './child.js'

const program = new URL('echo-process.js', import.meta.url)
/** Requests of the list; they may be sent again and again. */
const distinct = 1_000

/** As `sign-p256-x1` sees it: the same bodies, headers and connections, and a server that does nothing. */
export const httpEcho: Scenario = {
  name: 'http-echo',
  about: 'a bare Fastify route with the schemas of signHash, and bodies like those of sign-p256-x1',
  unit: 'requests/s',
  async open() {
    const child = await startCeilingChild<{ type: 'stop' }, { type: 'ready'; url: string }>(program, [])
    const { url } = child.first
    const { post } = createRequestWriter(url, 'a'.repeat(43))
    const requests = Array.from({ length: distinct }, (_, index) =>
      post('/signatures/signHash', {
        credentialID: '00000000-0000-7000-8000-000000000000',
        SAD: 's'.repeat(64),
        hashes: [Buffer.alloc(32, index).toString('base64')],
        signAlgo: signAlgo['P-256']
      })
    )
    const connections = connectionsOf('P-256', 1)
    return {
      async measure({ windowMs, warmUpMs }) {
        const result = await closedLoop({ url, connections, requests, warmUpMs, windowMs, again: true })
        const inWindow = result.answers.filter(
          ({ status, endedAt }) => status === 200 && endedAt >= result.windowFrom && endedAt < result.windowTo
        )
        return { perSecond: (inWindow.length / (result.windowTo - result.windowFrom)) * 1000, windowMs }
      },
      close: () => child.stop({ type: 'stop' })
    }
  }
}
