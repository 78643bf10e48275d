const progressEveryMs = 5_000

/** What a run says while it works, on standard output. */
export interface Console {
  say(line: string): void
  /** For work that takes long: a line every five seconds at most. */
  progress(what: string): (done: number, of: number) => void
}

export function createConsole(): Console {
  const startedAt = performance.now()
  const stamp = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s`
  const say = (line: string) => console.log(`${stamp()}  ${line}`)
  return {
    say,
    progress(what) {
      let lastAt = performance.now()
      return (done, of) => {
        const now = performance.now()
        if (now - lastAt < progressEveryMs) return
        lastAt = now
        say(`  ${what} ${done} of ${of}`)
      }
    }
  }
}
