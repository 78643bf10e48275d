/**
 * What waits for the owner of this device, live.
 * @typedef {import('./phone-api.js').Challenge} Challenge
 * @typedef {import('./device-store.js').Device} Device
 */
import { challengeCard, hashOfShown, refreshTimes, showFault } from './challenge-card.js'
import { element } from './dom.js'
import { says } from './enrol-view.js'
import {
  biometricToken,
  confirm,
  events,
  PhoneApiError,
  reject,
  removeDevice,
  serverNow
} from './phone-api.js'
import { recognise } from './recognition.js'
import { say, textOf } from './texts.js'

/** Between two attempts to connect: the first, doubled up to the last. */
const retryFirstMs = 1_000
const retryLastMs = 30_000
/** Ended challenges still shown. */
const recentMax = 5

/**
 * @param {Device} device
 * @param {{ announce: (text: string) => void, onRemoved: (why: 'asked' | 'elsewhere') => void }} on
 * @returns {{ view: HTMLElement, translate: () => void, close: () => void }}
 */
export function waitingView(device, { announce, onRemoved }) {
  const closed = new AbortController()
  /** @type {Map<string, { challenge: Challenge, card: HTMLElement, busy: boolean }>} */
  const waiting = new Map()
  /** @type {{ title: string, status: string }[]} */
  const recent = []
  /** @type {'connecting' | 'connected' | 'disconnected'} */
  let connection = 'connecting'
  const view = element('div', { id: 'waiting' })
  const cards = element('div', { class: 'cards' })

  function draw() {
    const texts = say()
    view.replaceChildren(
      element(
        'p',
        { class: 'owner' },
        element('strong', {}, device.subscriber.fullName),
        ` · ${device.name}`
      ),
      element('p', { class: `connection ${connection}`, role: 'status' }, texts[connection]),
      element('h2', { tabindex: '-1' }, texts.waitingTitle),
      cards,
      element('p', { class: `nothing ${waiting.size > 0 ? 'hidden' : ''}` }, texts.nothing),
      recent.length === 0 ? '' : element('h2', {}, texts.recentTitle),
      element(
        'ul',
        { class: 'recent' },
        ...recent.map(({ title, status }) =>
          element('li', { class: status }, `${textOf(texts.states, status) ?? status}: ${title}`)
        )
      ),
      element('button', { type: 'button', class: 'quiet remove', click: askToRemove }, texts.remove)
    )
    document.title = waiting.size > 0 ? `(${waiting.size}) ${texts.title}` : texts.title
  }

  /** @param {Challenge} challenge */
  function show(challenge) {
    if (waiting.has(challenge.id)) return
    const card = challengeCard(challenge, {
      confirm: () => void answer(challenge, 'confirm'),
      reject: () => void answer(challenge, 'reject')
    })
    waiting.set(challenge.id, { challenge, card, busy: false })
    cards.append(card)
    announce(`${say().newChallenge} ${challenge.relyingParty}`)
    draw()
    // A challenge for another provider or server is none of ours, whatever its hash.
    void hashOfShown(card, challenge).then((hash) => {
      if (hash === null || challenge.audience !== device.audience) showFault(card, say().tampered, true)
    })
  }

  /**
   * @param {string} id
   * @param {string | null} status Null: it is not known how it ended.
   */
  function end(id, status) {
    const known = waiting.get(id)
    if (known === undefined) return
    waiting.delete(id)
    known.card.remove()
    if (status !== null) {
      const title = String(known.challenge.relyingParty)
      recent.unshift({ title, status })
      recent.splice(recentMax)
      announce(`${textOf(say().states, status) ?? status}: ${title}`)
    }
    draw()
  }

  /**
   * @param {Challenge} challenge
   * @param {'confirm' | 'reject'} which
   */
  async function answer(challenge, which) {
    const known = waiting.get(challenge.id)
    if (known === undefined || known.busy) return
    const { card } = known
    const buttons = card.querySelectorAll('button')
    known.busy = true
    showFault(card, '')
    for (const button of buttons) button.disabled = true
    let final = false
    try {
      if (which === 'reject') {
        await reject(device, challenge.id)
        return end(challenge.id, 'rejected')
      }
      const display = challenge.audience === device.audience ? await hashOfShown(card, challenge) : null
      if (display === null) {
        final = true
        showFault(card, say().tampered, final)
      } else {
        const recognised = await recognise(device, display)
        if (recognised === null) showFault(card, say().notRecognised)
        else {
          await confirm(device, challenge.id, await biometricToken(device, challenge, display, recognised))
          return end(challenge.id, 'confirmed')
        }
      }
    } catch (error) {
      if (error instanceof PhoneApiError && error.status === 401) return removedElsewhere()
      if (error instanceof PhoneApiError && (error.status === 404 || error.status === 409))
        return end(challenge.id, error.state === '' ? 'cancelled' : error.state)
      showFault(card, says(error))
    } finally {
      known.busy = false
    }
    for (const button of buttons) button.disabled = final && button.classList.contains('confirm')
  }

  async function follow() {
    let retryMs = retryFirstMs
    while (!closed.signal.aborted) {
      try {
        for await (const { event, data } of events(device, closed.signal, opened)) {
          const told = JSON.parse(data)
          if (event === 'challenge') show(told)
          if (event === 'ended') end(told.id, told.status)
        }
        retryMs = retryFirstMs
      } catch (error) {
        if (error instanceof PhoneApiError && error.status === 401) return removedElsewhere()
      }
      if (closed.signal.aborted) return
      connection = 'disconnected'
      draw()
      await pause(retryMs)
      retryMs = Math.min(retryMs * 2, retryLastMs)
    }

    function opened() {
      // The server now tells all that waits: what was held is void.
      for (const [id, { busy }] of waiting) if (!busy) end(id, null)
      connection = 'connected'
      retryMs = retryFirstMs
      draw()
    }
  }

  /**
   * Until the time is up, or there is reason to believe that it would work now.
   * @param {number} ms
   * @returns {Promise<void>}
   */
  function pause(ms) {
    return new Promise((resolve) => {
      const seen = () => document.visibilityState === 'visible' && done()
      const timer = setTimeout(done, ms)
      function done() {
        clearTimeout(timer)
        removeEventListener('online', done)
        document.removeEventListener('visibilitychange', seen)
        resolve()
      }
      addEventListener('online', done)
      document.addEventListener('visibilitychange', seen)
    })
  }

  function removedElsewhere() {
    if (!closed.signal.aborted) onRemoved('elsewhere')
  }

  function askToRemove() {
    const texts = say()
    const dialog = element(
      'dialog',
      { 'aria-labelledby': 'remove-question' },
      element(
        'form',
        { method: 'dialog' },
        element('p', { id: 'remove-question' }, texts.removeQuestion),
        element('button', { class: 'danger', value: 'remove' }, texts.remove),
        element('button', { class: 'quiet', value: '' }, texts.cancel)
      )
    )
    dialog.addEventListener('close', async () => {
      const agreed = dialog.returnValue === 'remove'
      dialog.remove()
      if (!agreed) return
      try {
        await removeDevice(device)
      } catch (error) {
        if (!(error instanceof PhoneApiError && error.status === 401)) return announce(says(error))
      }
      onRemoved('asked')
    })
    document.body.append(dialog)
    dialog.showModal()
  }

  const clock = setInterval(() => {
    refreshTimes()
    for (const [id, { challenge, busy }] of waiting)
      if (!busy && Date.parse(challenge.expiresAt) <= serverNow()) end(id, 'expired')
  }, 1_000)
  draw()
  void follow()

  return {
    view,
    /** In the language now chosen. */
    translate() {
      const held = [...waiting.values()]
      waiting.clear()
      cards.replaceChildren()
      for (const { challenge } of held) show(challenge)
      draw()
    },
    close() {
      closed.abort()
      clearInterval(clock)
    }
  }
}
