import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Log } from './log.js'

const waitMs = 60_000

/** Runs work while no other process, and no other call of this one, does. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Keeps processes apart while a token is initialised and keys are made in it: PKCS#11 has no "create unless it
 * exists". The lock is the kernel's (flock), so that it ends with its holder, however that dies. Node has no call
 * for it; util-linux and BusyBox have the command, which holds it until our end of its standard input closes.
 *
 * @param path A file or folder that all processes sharing the token see. Null, or a system without the command:
 *   only calls of this process exclude each other, and a first start must be one process's alone.
 */
export function createExclusive(path: string | null, log: Log): Exclusive {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const run = async () => {
      const release = path === null ? null : await hold(path, log)
      try {
        return await work()
      } finally {
        await release?.()
      }
    }
    const result = last.then(run, run)
    last = result.catch(() => undefined)
    return result
  }
}

/** Waits for the lock; resolves with what releases it, or with null where there is no flock command. */
async function hold(path: string, log: Log): Promise<(() => Promise<void>) | null> {
  const holder = spawn('flock', ['-x', path, 'sh', '-c', 'echo held; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore']
  })
  const ended = new Promise<Error | null>((resolve) => {
    holder.once('error', resolve)
    holder.once('exit', () => resolve(null))
  })
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), waitMs)
  try {
    const first = await Promise.race([once(holder.stdout, 'data', { signal: timeout.signal }), ended])
    if (Array.isArray(first)) {
      return async () => {
        holder.stdin.end()
        await ended
      }
    }
    if (first instanceof Error && 'code' in first && first.code === 'ENOENT') {
      log('warn', 'no flock command: the first start on a token must be one process alone')
      return null
    }
    throw first ?? new Error(`the lock on ${path} could not be taken`)
  } catch (error) {
    holder.kill()
    if (timeout.signal.aborted) throw new Error(`another process held the lock on ${path} for ${waitMs} ms`)
    throw error
  } finally {
    clearTimeout(timer)
  }
}
