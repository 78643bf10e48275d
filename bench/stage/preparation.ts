import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { OperatorRole } from '../../src/access/access.js'
import type { FromPreparation, Population, Task, Wanted } from '../prepare/protocol.js'

const program = new URL('../prepare/main.js', import.meta.url)

/** Called now and then while something is prepared. */
export type Progress = (done: number, of: number) => void

/** The preparation process, seen from outside. */
export interface Preparation {
  enrol(people: number, progress: Progress): Promise<Population>
  /** Writes very many people. @returns Those wanted, by their numbers from 0. */
  load(people: number, wanted: number[], progress: Progress): Promise<Population>
  /** Makes known who takes part; before `approve`. */
  introduce(population: Population): Promise<void>
  /** Asks and confirms. @returns Activation ids, in the order wanted. */
  approve(seed: string, wanted: Wanted[], progress: Progress): Promise<string[]>
  /** Makes an operator. @returns The key. */
  createOperator(role: OperatorRole): Promise<string>
  close(): Promise<void>
}

/** @param env Settings, as a server process has them. @throws Error when it cannot open what it needs. */
export async function startPreparation(env: Record<string, string>): Promise<Preparation> {
  const child = fork(program, {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const ended = once(child, 'exit')
  const calls = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void; progress: Progress }
  >()
  let lastNumber = 0
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: FromPreparation) => {
      if (message.type === 'open') return resolve()
      const call = calls.get(message.number)
      if (call === undefined) return
      if (message.type === 'progress') return call.progress(message.done, message.of)
      calls.delete(message.number)
      if (message.type === 'done') call.resolve(message.result)
      else call.reject(new Error(`the preparation failed: ${message.reason}`))
    })
    child.once('exit', (code, signal) => {
      const error = new Error(`the preparation ended with ${code ?? signal}`)
      reject(error)
      for (const call of calls.values()) call.reject(error)
      calls.clear()
    })
  })

  function ask<Result>(task: Task, progress: Progress = () => undefined): Promise<Result> {
    if (child.exitCode !== null) return Promise.reject(new Error('the preparation has ended'))
    lastNumber += 1
    const number = lastNumber
    return new Promise<Result>((resolve, reject) => {
      calls.set(number, { resolve: (result) => resolve(result as Result), reject, progress })
      // With a callback a channel that is gone fails this call; without, it would end the process.
      child.send({ number, task }, (error) => {
        if (error === null) return
        calls.delete(number)
        reject(error)
      })
    })
  }

  return {
    enrol: (people, progress) => ask({ type: 'enrol', people }, progress),
    load: (people, wanted, progress) => ask({ type: 'load', people, wanted }, progress),
    introduce: (population) => ask({ type: 'population', population }),
    approve: (seed, wanted, progress) => ask({ type: 'approve', seed, wanted }, progress),
    createOperator: (role) => ask({ type: 'operator', role }),
    close: () => closeChild(child, ask, ended)
  }
}

async function closeChild(
  child: ChildProcess,
  ask: (task: Task) => Promise<unknown>,
  ended: Promise<unknown>
): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await ask({ type: 'close' }).catch(() => child.kill('SIGKILL'))
    await ended
  }
}
