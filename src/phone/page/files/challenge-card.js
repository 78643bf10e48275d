/**
 * A challenge on the screen. What is confirmed is not what came from the server but what stands here: the hash is
 * computed from the text of the elements that show it.
 *
 * @typedef {import('./phone-api.js').Challenge} Challenge
 */
import { displayHash } from './canonical.js'
import { element, icon } from './dom.js'
import { serverNow } from './phone-api.js'
import { say, textOf } from './texts.js'

/** Members that stand on top, in the words of a person; all others follow in a list. */
const onTop = ['relyingParty', 'description', 'numSignatures', 'documents']

/**
 * @param {Challenge} challenge
 * @param {{ confirm: (card: HTMLElement) => void, reject: (card: HTMLElement) => void }} on
 * @returns {HTMLElement}
 */
export function challengeCard(challenge, on) {
  const texts = say()
  const { displayHash: _, ...shown } = challenge
  const titleId = `title-${challenge.id}`
  const asks =
    challenge.kind === 'device'
      ? texts.asksDevice
      : challenge.kind === 'session'
        ? texts.asksSession
        : texts.asksFor
  const card = element(
    'article',
    { class: `card ${challenge.kind === 'digests' ? '' : 'special'}`, 'aria-labelledby': titleId },
    element('h3', { id: titleId, tabindex: '-1' }, value('relyingParty', shown.relyingParty)),
    element(
      'p',
      { class: 'asks' },
      icon(challenge.kind === 'digests' ? 'document' : 'warning'),
      `${asks}. ${texts.signatures}: `,
      element('strong', {}, value('numSignatures', shown.numSignatures))
    ),
    element('p', { class: 'description' }, value('description', shown.description)),
    element(
      'p',
      { class: 'left' },
      `${texts.timeLeft}: `,
      element('time', { 'data-ends': challenge.expiresAt }, timeLeft(challenge.expiresAt))
    ),
    documentList(shown.documents),
    element('h4', {}, texts.everything),
    element(
      'dl',
      {},
      ...Object.entries(shown)
        .filter(([name]) => !onTop.includes(name))
        .flatMap(([name, member]) => [
          element('dt', {}, textOf(texts.members, name) ?? name),
          element('dd', {}, value(name, member))
        ])
    ),
    element(
      'div',
      { class: 'answers' },
      element('p', { class: 'fault', role: 'alert' }),
      element(
        'button',
        { type: 'button', class: 'main confirm', click: () => on.confirm(card) },
        texts.confirm
      ),
      element('button', { type: 'button', class: 'quiet reject', click: () => on.reject(card) }, texts.reject)
    )
  )
  return card
}

/**
 * The hash of what the card shows, if that is what the server wants confirmed.
 * @param {HTMLElement} card
 * @param {Challenge} challenge
 * @returns {Promise<string | null>} Null: it is something else.
 */
export async function hashOfShown(card, challenge) {
  try {
    const hash = await displayHash(shownIn(card))
    return hash === challenge.displayHash ? hash : null
  } catch {
    return null // what cannot be read back cannot be confirmed
  }
}

/**
 * @param {HTMLElement} card
 * @param {string} text
 * @param {boolean} final Whether it cannot be confirmed any more.
 */
export function showFault(card, text, final = false) {
  const fault = card.querySelector('.fault')
  if (fault !== null) fault.textContent = text
  if (final) card.querySelector('.confirm')?.setAttribute('disabled', '')
}

/**
 * Brings every clock on the page up to date.
 * @returns {void}
 */
export function refreshTimes() {
  for (const clock of document.querySelectorAll('[data-ends]')) {
    clock.textContent = timeLeft(clock.getAttribute('data-ends') ?? '')
  }
}

/** @param {string} endsAt */
function timeLeft(endsAt) {
  const seconds = Math.max(0, Math.ceil((Date.parse(endsAt) - serverNow()) / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** @param {unknown} documents */
function documentList(documents) {
  const texts = say()
  const items = Array.isArray(documents) ? documents : []
  const list = element(
    'ol',
    { 'data-member': 'documents', 'data-form': 'list', class: 'documents' },
    ...items.map((item) => {
      const { name, digest, ...others } = Object(item)
      return element(
        'li',
        { 'data-form': 'object' },
        element('span', { class: 'name' }, value('name', name)),
        element('span', { class: 'label' }, `${texts.digest}: `),
        value('digest', digest),
        ...Object.entries(others).map(([member, given]) => value(member, given))
      )
    })
  )
  return element(
    'section',
    { class: items.length === 0 ? 'hidden' : '' },
    element('h4', {}, `${texts.documents} (${items.length})`),
    list
  )
}

/**
 * The element that shows a value and from which it is read back.
 * @param {string} name
 * @param {unknown} given
 */
function value(name, given) {
  if (typeof given === 'string') {
    const prose = ['relyingParty', 'description', 'name'].includes(name)
    return element(
      'span',
      { 'data-member': name, 'data-form': 'text', class: prose ? 'value' : 'value digits', dir: 'auto' },
      given
    )
  }
  // Anything else stands there as JSON; what is not set as a dash.
  const form = given === null ? 'null' : 'json'
  const text = given === null ? '–' : JSON.stringify(given)
  return element('span', { 'data-member': name, 'data-form': form, class: 'value' }, text)
}

/**
 * Reads back what is shown.
 * @param {HTMLElement} within
 * @returns {Record<string, unknown>}
 */
function shownIn(within) {
  /** @type {Record<string, unknown>} */
  const shown = {}
  for (const part of within.querySelectorAll('[data-member]')) {
    // What belongs to a document is read with it.
    if (part.parentElement?.closest('[data-form="object"]') !== within.closest('[data-form="object"]'))
      continue
    shown[part.getAttribute('data-member') ?? ''] = read(part)
  }
  return shown
}

/** @param {Element} part */
function read(part) {
  const text = part.textContent ?? ''
  switch (part.getAttribute('data-form')) {
    case 'text':
      return text
    case 'null':
      return null
    case 'list':
      return Array.from(part.children, (child) => shownIn(/** @type {HTMLElement} */ (child)))
    default:
      return JSON.parse(text)
  }
}
