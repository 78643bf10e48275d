import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A ceiling's process: one question at a time, one answer each. */
export interface CeilingChild<To extends object, From> {
  /** Its first message. */
  readonly first: From
  ask(message: To): Promise<From>
  /** Says `stop` and waits for the end. */
  stop(message: To): Promise<void>
}

/** @throws Error when it ends before it has said anything. */
export async function startCeilingChild<To extends object, From>(
  program: URL,
  args: readonly string[]
): Promise<CeilingChild<To, From>> {
  const child = fork(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ended = once(child, 'exit')
  return {
    first: await answer<From>(child),
    ask(message) {
      const answered = answer<From>(child)
      child.send(message)
      return answered
    },
    async stop(message) {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.send(message)
      await ended
    }
  }
}

function answer<From>(child: ChildProcess): Promise<From> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      child.off('exit', onExit)
      resolve(message as From)
    }
    const onExit = (code: number | null, signal: string | null) => {
      child.off('message', onMessage)
      reject(new Error(`a ceiling's process ended with ${code ?? signal}`))
    }
    child.once('message', onMessage).once('exit', onExit)
  })
}
