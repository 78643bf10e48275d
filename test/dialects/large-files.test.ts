import t from 'tap'
import { startWorld } from '../world.js'

/** Of VNPT (both), MISA (both, which ask for a token before they read) and the NEAC gateway. */
const takesFiles = /\/(calculateHash|csc\/signature\/sign|documents\/hash|documents\/attachment|sign_file)$/

t.test('routes that take whole files in JSON read 4 MiB, and answer as to a short body', async (t) => {
  const { url } = await startWorld(t, { seed: 'none' })
  const { paths } = (await (await fetch(`${url}/docs/json`)).json()) as { paths: Record<string, object> }
  const found = Object.keys(paths).filter((path) => takesFiles.test(path))
  t.ok(found.length >= 5, found.join(' '))
  for (const path of found) {
    /** Nobody says who asks, and nothing of what is needed; without times and numbers of requests. */
    const answerTo = async (octets: number) => {
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ filler: 'A'.repeat(octets) })
      })
      return `${answer.status} ${(await answer.text()).replaceAll(/[0-9a-f]{4,}|\d+/g, '')}`
    }
    t.equal(await answerTo(4 * 1024 * 1024), await answerTo(1), path)
  }
})
