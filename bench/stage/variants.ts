/** What is shared, and ends with the last who uses it. */
interface Variant {
  close(): Promise<void>
}

/**
 * Shares what was started with the same settings among those who ask for it.
 * @param start Starts one that nobody has.
 */
export function createVariants<Settings extends object, Started extends Variant>(
  start: (settings: Settings) => Promise<Started>
): { open(settings: Settings): Promise<Started>; close(): Promise<void> } {
  const running = new Map<string, { started: Promise<Started>; users: number }>()

  return {
    async open(settings) {
      const key = JSON.stringify(settings)
      const entry = running.get(key) ?? { started: start(settings), users: 0 }
      running.set(key, entry)
      entry.users += 1
      const started = await entry.started.catch((error: unknown) => {
        running.delete(key)
        throw error
      })
      return {
        ...started,
        async close() {
          entry.users -= 1
          if (entry.users > 0) return
          running.delete(key)
          await started.close()
        }
      }
    },
    async close() {
      const left = [...running.values()]
      running.clear()
      for (const { started } of left) await (await started).close()
    }
  }
}
