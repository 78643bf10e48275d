/** Runs one step, prints one line: what was done, what came of it, how long it took. */
export async function step<T>(
  what: string,
  work: () => Promise<T> | T,
  result: (value: T) => string = () => ''
): Promise<T> {
  const startedAt = performance.now()
  const took = () => `${Math.round(performance.now() - startedAt)} ms`.padStart(9)
  try {
    const value = await work()
    const shown = result(value)
    console.log(`${took()}  ${what}${shown === '' ? '' : `: ${shown}`}`)
    return value
  } catch (error) {
    console.log(`${took()}  ${what}: FAILED`)
    throw error
  }
}
