import { readFileSync } from 'node:fs'

const sampleMs = 25

/** Looks at the resident memory of a process on this machine, in MiB; NaN where that cannot be known. */
export interface MemoryWatch {
  /** Ends it. */
  stop(): { beforeMiB: number; mostMiB: number }
}

/** @param pid Null: of a process elsewhere. */
export function watchMemory(pid: number | null): MemoryWatch {
  const beforeMiB = residentMiB(pid)
  let mostMiB = beforeMiB
  const look = () => {
    mostMiB = Math.max(mostMiB, residentMiB(pid))
  }
  const timer = setInterval(look, sampleMs)
  return {
    stop() {
      clearInterval(timer)
      look()
      return { beforeMiB, mostMiB }
    }
  }
}

function residentMiB(pid: number | null): number {
  if (pid === null) return Number.NaN
  try {
    const [, kibibytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kibibytes ?? Number.NaN) / 1024
  } catch {
    return Number.NaN
  }
}
