/**
 * The one script of the pages: asks how the request stands until it stands otherwise, then loads the page anew, and
 * counts the time down. Without it everything works by loading the page again.
 */
export const script = `'use strict'
const shown = document.body.dataset.status
const status = location.pathname + '/status'

async function watch () {
  for (let failures = 0; failures < 60;) {
    try {
      const answer = await fetch(status, { cache: 'no-store', credentials: 'same-origin' })
      if (answer.status === 404 || answer.ok && (await answer.json()).status !== shown) return location.reload()
      failures = answer.ok ? 0 : failures + 1
      if (!answer.ok) await pause()
    } catch {
      failures += 1
      await pause()
    }
  }
}
const pause = () => new Promise((resolve) => setTimeout(resolve, 2000))

const left = document.getElementById('left')
if (left !== null) {
  const end = performance.now() + Number(left.dataset.seconds) * 1000
  setInterval(() => {
    const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000))
    left.textContent = Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0')
  }, 500)
}
watch()
`
