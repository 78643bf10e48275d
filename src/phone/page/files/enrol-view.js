/**
 * The form that makes this browser a device.
 * @typedef {import('./phone-api.js').Settings} Settings
 * @typedef {import('./device-store.js').Device} Device
 */
import { newDeviceKey, publicJwk } from './device-key.js'
import { keepDevice } from './device-store.js'
import { element, icon } from './dom.js'
import { enrol, PhoneApiError } from './phone-api.js'
import { canUseAuthenticator, registerAuthenticator } from './recognition.js'
import { canScan, codeIn, scan } from './scan.js'
import { say, textOf } from './texts.js'

/** As long as the server takes. */
const nameMax = 64

/**
 * @param {Settings} settings
 * @param {string} code What to begin with.
 * @param {(device: Device) => void} onEnrolled
 * @returns {Promise<HTMLElement>}
 */
export async function enrolView(settings, code, onEnrolled) {
  const texts = say()
  const builtIn = await canUseAuthenticator(settings)
  const possible = builtIn || settings.simulation
  const codeInput = element('input', {
    id: 'code',
    name: 'code',
    required: true,
    autocomplete: 'off',
    autocapitalize: 'characters',
    spellcheck: 'false',
    maxlength: '64',
    value: code,
    'aria-describedby': 'code-hint'
  })
  const nameInput = element('input', {
    id: 'name',
    name: 'name',
    required: true,
    maxlength: String(nameMax),
    value: texts.deviceNameDefault,
    autocomplete: 'off'
  })
  const fault = element('p', { class: 'fault', role: 'alert' })
  const submit = element('button', { class: 'main', disabled: !possible }, texts.enrol)
  const form = element(
    'form',
    { class: 'card', id: 'enrol' },
    element('h2', { tabindex: '-1' }, texts.enrolTitle),
    element('p', {}, texts.enrolIntro),
    element('label', { for: 'code' }, texts.code),
    codeInput,
    element('p', { class: 'hint', id: 'code-hint' }, texts.codeHint),
    (await canScan()) ? scanner(codeInput, fault) : null,
    element('label', { for: 'name' }, texts.deviceName),
    nameInput,
    recognitionChoice(settings, builtIn),
    fault,
    submit
  )
  /** What a first attempt made, so that a second one does not make it again. @type {Prepared | null} */
  let prepared = null

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const recognises = String(new FormData(form).get('recognises'))
    fault.textContent = ''
    submit.disabled = true
    submit.textContent = texts.enrolling
    try {
      const ready =
        prepared?.recognises === recognises ? prepared : await prepare(settings, recognises, nameInput.value)
      prepared = ready
      const answer = await enrol({
        activationCode: codeInput.value.trim(),
        name: nameInput.value.trim(),
        platform: platform(),
        publicKey: ready.publicKey,
        ...(ready.registration && { webauthn: ready.registration })
      })
      const device = { ...answer, name: nameInput.value.trim(), ...ready.kept }
      await keepDevice(settings.provider, device)
      onEnrolled(device)
    } catch (error) {
      fault.textContent = says(error)
      submit.disabled = false
      submit.textContent = texts.enrol
    }
  })
  return form
}

/**
 * @typedef {object} Prepared
 * @property {string} recognises
 * @property {object} publicKey
 * @property {object | null} registration
 * @property {Pick<Device, 'privateKey' | 'authenticator'>} kept
 */

/**
 * Makes the keys of the device.
 * @param {Settings} settings
 * @param {string} recognises `face`, `fpt` or `simulated`.
 * @param {string} name
 * @returns {Promise<Prepared>}
 */
async function prepare(settings, recognises, name) {
  const registration =
    recognises === 'face' || recognises === 'fpt'
      ? await registerAuthenticator(settings.provider, name)
      : null
  const { privateKey, publicKey } = await newDeviceKey()
  const authenticator = registration && {
    credentialId: registration.credentialId,
    recognises: recognises === 'face' ? /** @type {const} */ ('face') : /** @type {const} */ ('fpt')
  }
  return {
    recognises,
    publicKey: await publicJwk(publicKey),
    registration,
    kept: { privateKey, authenticator }
  }
}

/**
 * @param {Settings} settings
 * @param {boolean} builtIn
 */
function recognitionChoice(settings, builtIn) {
  const texts = say()
  if (!builtIn && !settings.simulation) {
    const address = `${settings.publicUrl}/${settings.provider}/phone/`
    return element('p', { class: 'fault' }, `${texts.recognitionMissing} ${address}`)
  }
  /** @type {[value: string, name: 'face' | 'fingerprint' | 'warning', text: string][]} */
  const choices = [
    ...(builtIn
      ? /** @type {[string, 'face' | 'fingerprint', string][]} */ ([
          ['face', 'face', texts.face],
          ['fpt', 'fingerprint', texts.fingerprint]
        ])
      : []),
    ...(settings.simulation
      ? /** @type {[string, 'warning', string][]} */ ([['simulated', 'warning', texts.simulatedRecognition]])
      : [])
  ]
  return element(
    'fieldset',
    {},
    element('legend', {}, texts.recognition),
    ...choices.map(([value, picture, text], index) =>
      element(
        'label',
        { class: 'choice' },
        element('input', { type: 'radio', name: 'recognises', value, checked: index === 0 }),
        icon(picture),
        text
      )
    ),
    builtIn ? element('p', { class: 'hint' }, texts.recognitionHint) : null
  )
}

/**
 * @param {HTMLInputElement} codeInput
 * @param {HTMLElement} fault
 */
function scanner(codeInput, fault) {
  const texts = say()
  const video = element('video', {
    class: 'hidden',
    playsinline: true,
    muted: true,
    'aria-label': texts.scanView
  })
  const button = element('button', { type: 'button', class: 'quiet' }, icon('qr'), texts.scan)
  /** @type {AbortController | null} */
  let running = null
  button.addEventListener('click', async () => {
    if (running !== null) return running.abort()
    running = new AbortController()
    fault.textContent = ''
    button.replaceChildren(texts.scanStop)
    video.classList.remove('hidden')
    try {
      const code = await scan(video, codeIn, running.signal)
      if (code !== null) codeInput.value = code
    } catch {
      fault.textContent = texts.scanFailed
    }
    running = null
    video.classList.add('hidden')
    button.replaceChildren(icon('qr'), texts.scan)
  })
  return element('div', { class: 'scan' }, video, button)
}

/** Such as `Android, web`: what an operator sees. */
const platform = () => {
  const [, system = ''] = /\(([^;)]+)/.exec(navigator.userAgent) ?? []
  return `${system} web`.trim().slice(0, 64)
}

/**
 * A sentence on what went wrong.
 * @param {unknown} error
 * @returns {string}
 */
export function says(error) {
  const texts = say()
  if (error instanceof PhoneApiError)
    return textOf(texts.problems, error.code) ?? `${texts.failed}: ${error.message}`
  if (error instanceof DOMException && error.name === 'NotAllowedError') return texts.notRecognised
  return `${texts.failed}: ${error instanceof Error ? error.message : String(error)}`
}
