import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { DocumentRange } from './documents.js'

/** An answer of signHash with what it has to be true for. */
export interface Signed {
  /** Of the credential, DER in base64. */
  certificate: string
  documents: DocumentRange
  /** The answer's body as it came. */
  body: string
}

export interface VerifyTask {
  number: number
  seed: string
  signed: Signed[]
}
export interface VerifyVerdict {
  number: number
  verified: number
  /** A sentence for each wrong signature, and for each answer with too many or too few. */
  wrong: string[]
}

/** Verifies signatures on threads of their own, after a window. */
export interface Verifier {
  verify(signed: readonly Signed[]): Promise<{ verified: number; wrong: string[] }>
  close(): Promise<void>
}

export function createVerifier(seed: string): Verifier {
  const waiting = new Map<number, (verdict: VerifyVerdict) => void>()
  let failed: Error | null = null
  const workers = Array.from({ length: availableParallelism() }, () => {
    const worker = new Worker(new URL('verify-worker.js', import.meta.url))
    worker.on('message', (verdict: VerifyVerdict) => {
      waiting.get(verdict.number)?.(verdict)
      waiting.delete(verdict.number)
    })
    worker.on('error', (error) => {
      failed = error as Error
      for (const [number, settle] of waiting) settle({ number, verified: 0, wrong: [String(error)] })
      waiting.clear()
    })
    return worker
  })
  let lastNumber = 0

  return {
    async verify(signed) {
      const share = Math.ceil(signed.length / workers.length)
      const verdicts = await Promise.all(
        workers.map((worker, place) => {
          if (failed !== null) throw failed
          lastNumber += 1
          const number = lastNumber
          return new Promise<VerifyVerdict>((resolve) => {
            waiting.set(number, resolve)
            const part = signed.slice(place * share, (place + 1) * share)
            worker.postMessage({ number, seed, signed: part } satisfies VerifyTask)
          })
        })
      )
      return {
        verified: verdicts.reduce((sum, verdict) => sum + verdict.verified, 0),
        wrong: verdicts.flatMap((verdict) => verdict.wrong)
      }
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
  }
}
