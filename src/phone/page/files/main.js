/** The page: either the form that enrols this browser, or what waits for its owner. */
import { forgetDevice, loadDevice } from './device-store.js'
import { byId } from './dom.js'
import { enrolView, says } from './enrol-view.js'
import { loadSettings } from './phone-api.js'
import { codeIn } from './scan.js'
import { chosenLanguage, say, switchLanguage } from './texts.js'
import { waitingView } from './waiting-view.js'

const main = byId('main')
const notice = byId('notice')
const announcements = byId('announcements')
/** @type {ReturnType<typeof waitingView> | null} */
let waiting = null

/** @param {string} text */
const announce = (text) => {
  announcements.textContent = text
}

/** The code of an address such as `/viettel/phone/#code=…`, which then does not stay in the history. */
function takeCode() {
  const code = location.hash === '' ? null : codeIn(location.hash)
  if (location.hash !== '') history.replaceState(null, '', location.pathname)
  return code ?? ''
}

/** @param {import('./phone-api.js').Settings} settings */
function frame(settings) {
  const texts = say()
  document.documentElement.lang = chosenLanguage()
  document.title = texts.title
  byId('provider').textContent = settings.names[chosenLanguage()]
  byId('simulated').textContent = settings.simulation ? texts.simulated : ''
  byId('language').textContent = texts.otherLanguage
}

/** @param {HTMLElement} view */
function enter(view) {
  main.replaceChildren(view)
  view.querySelector('h2')?.focus()
}

/**
 * @param {import('./phone-api.js').Settings} settings
 * @param {string} code
 */
async function showEnrolment(settings, code) {
  enter(
    await enrolView(settings, code, (device) => {
      notice.textContent = ''
      showWaiting(settings, device)
    })
  )
}

/**
 * @param {import('./phone-api.js').Settings} settings
 * @param {import('./device-store.js').Device} device
 */
function showWaiting(settings, device) {
  waiting = waitingView(device, {
    announce,
    async onRemoved(why) {
      waiting?.close()
      waiting = null
      await forgetDevice(settings.provider)
      notice.textContent = why === 'elsewhere' ? say().removed : ''
      await showEnrolment(settings, '')
    }
  })
  enter(waiting.view)
}

async function start() {
  const settings = await loadSettings()
  frame(settings)
  const device = await loadDevice(settings.provider)
  if (device === null) await showEnrolment(settings, takeCode())
  else showWaiting(settings, device)

  byId('language').addEventListener('click', () => {
    switchLanguage()
    frame(settings)
    notice.textContent = ''
    if (waiting !== null) waiting.translate()
    else void showEnrolment(settings, /** @type {HTMLInputElement} */ (byId('code')).value)
  })
  addEventListener('hashchange', () => {
    if (waiting === null) void showEnrolment(settings, takeCode())
  })
}

start().catch((error) => {
  notice.textContent = says(error)
})
