/**
 * Server-sent events, read by `fetch`: an `EventSource` cannot send who is calling.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {() => void} onActivity Called for everything that comes, comments included.
 * @returns {AsyncGenerator<{ event: string, data: string }>} Comments and events without data are left out.
 */
export async function* readEvents(body, onActivity) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  let event = ''
  /** @type {string[]} */
  let data = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      onActivity()
      const lines = (rest + value).split(/\r?\n/)
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n') }
          event = ''
          data = []
          continue
        }
        const [, field, text = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
        if (field === 'event') event = text
        if (field === 'data') data.push(text)
      }
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}
