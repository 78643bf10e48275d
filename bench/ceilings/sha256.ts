import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type DocumentSize, documentSizes } from '../scenarios/hash.js'
import { type Scenario, ScenarioSkipped } from '../scenarios/scenario.js'
import { startCeilingChild } from './child.js'

const run = promisify(execFile)
const program = new URL('sha256-process.js', import.meta.url)

export type ToSha256 = { type: 'measure'; warmUpMs: number; windowMs: number } | { type: 'stop' }
export type FromSha256 = { type: 'ready' } | { type: 'measured'; perSecond: number }

const nodeSha256 = (size: DocumentSize): Scenario => ({
  name: `node-sha256-${size}`,
  byName: true,
  about: `node:crypto over the documents of hash-${size} in memory, one thread`,
  unit: 'documents/s',
  async open({ options }) {
    const child = await startCeilingChild<ToSha256, FromSha256>(program, [size, options.seed])
    return {
      async measure({ windowMs, warmUpMs }) {
        const answer = await child.ask({ type: 'measure', warmUpMs, windowMs })
        if (answer.type !== 'measured') throw new Error(`node-sha256-${size}: ${answer.type}`)
        return { perSecond: answer.perSecond, windowMs }
      },
      close: () => child.stop({ type: 'stop' })
    }
  }
})

const opensslSha256 = (size: DocumentSize): Scenario => ({
  name: `openssl-sha256-${size}`,
  byName: true,
  about: `openssl speed sha256 with as many octets as hash-${size} sends, one process`,
  unit: 'documents/s',
  async open() {
    const { stdout: version } = await run('openssl', ['version']).catch((cause: unknown) => {
      throw new ScenarioSkipped('openssl is not installed', { cause })
    })
    if (!version.startsWith('OpenSSL'))
      throw new ScenarioSkipped(`${version.trim()} knows no openssl speed -seconds`)
    return {
      async measure({ windowMs }) {
        const seconds = Math.max(1, Math.round(windowMs / 1_000))
        const octets = documentSizes[size]
        const args = ['speed', '-mr', '-seconds', String(seconds), '-bytes', String(octets), '-evp', 'sha256']
        const { stdout } = await run('openssl', args)
        const octetsPerSecond = Number(/^\+F:\d+:sha256:([0-9.]+)/im.exec(stdout)?.[1])
        if (!(octetsPerSecond > 0)) throw new Error(`openssl speed says ${stdout.slice(-300)}`)
        return { perSecond: octetsPerSecond / octets, windowMs: seconds * 1_000 }
      },
      close: async () => undefined
    }
  }
})

/** What the processor gives to whoever only hashes. */
export const sha256Ceilings: readonly Scenario[] = (Object.keys(documentSizes) as DocumentSize[]).flatMap(
  (size) => [nodeSha256(size), opensslSha256(size)]
)
