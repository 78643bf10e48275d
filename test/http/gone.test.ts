import { once } from 'node:events'
import { connect } from 'node:net'
import fastify from 'fastify'
import t from 'tap'
import { untilGone } from '../../src/http/gone.js'

t.test('whoever goes away is gone, whether somebody looked before or after', async (t) => {
  const app = fastify()
  const seen: Record<string, Promise<boolean>> = {}
  let asked = () => {}
  app.get<{ Params: { when: string } }>('/:when', async ({ params: { when } }, reply) => {
    const closed = once(reply.raw, 'close')
    const before = when === 'before' ? untilGone(reply) : null
    seen[when] = closed.then(() => (before ?? untilGone(reply)).aborted)
    asked()
    await closed
  })
  t.teardown(() => app.close())
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  for (const when of ['before', 'after']) {
    const reached = new Promise<void>((resolve) => {
      asked = resolve
    })
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET /${when} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await reached
    socket.destroy()
    t.equal(await seen[when], true, when)
  }
})
