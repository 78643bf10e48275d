/**
 * The phone API of one provider, as docs/api.md has it.
 * @typedef {import('./device-store.js').Device} Device
 *
 * A challenge as it is sent; everything but `displayHash` is to be shown.
 * @typedef {{ id: string, kind: string, audience: string, nonce: string, expiresAt: string, displayHash: string,
 *   [member: string]: unknown }} Challenge
 *
 * What the server says of itself.
 * @typedef {object} Settings
 * @property {string} provider
 * @property {{ vi: string, en: string }} names
 * @property {string} publicUrl
 * @property {boolean} simulation
 */
import { base64url } from './canonical.js'
import { signJws } from './device-key.js'
import { readEvents } from './event-reader.js'

/** After this long without even a comment (one comes every 15 s) a stream is taken for dead. */
const silenceMaxMs = 40_000

/** An answer other than the one asked for. */
export class PhoneApiError extends Error {
  /**
   * @param {number} status
   * @param {{ code?: string, detail?: string, state?: string }} problem RFC 9457.
   */
  constructor(status, problem) {
    super(problem.detail ?? `HTTP ${status}`)
    this.name = 'PhoneApiError'
    this.status = status
    this.code = problem.code ?? ''
    this.state = problem.state ?? ''
  }
}

/** How far this device's clock is behind the server's, in milliseconds; tokens live by the server's. */
let clockOffsetMs = 0
/** The server's time, near enough. */
export const serverNow = () => Date.now() + clockOffsetMs

/** @returns {Promise<Settings>} */
export async function loadSettings() {
  const askedAt = Date.now()
  const answer = await fetch('page.json')
  const settings = await readAnswer(answer)
  const date = Date.parse(answer.headers.get('date') ?? '')
  const offsetMs = date - (askedAt + Date.now()) / 2
  // The header has whole seconds: less than that is no difference.
  clockOffsetMs = Math.abs(offsetMs) > 2_000 ? offsetMs : 0
  return settings
}

/**
 * @param {object} body
 * @returns {Promise<{ deviceId: string, audience: string, subscriber: { id: string, fullName: string } }>}
 */
export async function enrol(body) {
  const headers = { 'content-type': 'application/json' }
  return readAnswer(await fetch('devices', { method: 'POST', headers, body: JSON.stringify(body) }))
}

/**
 * @param {Device} device
 * @param {string} challengeId
 * @param {string} token
 */
export const confirm = (device, challengeId, token) =>
  call(device, 'POST', `challenges/${encodeURIComponent(challengeId)}/confirm`, { token })

/**
 * @param {Device} device
 * @param {string} challengeId
 */
export const reject = (device, challengeId) =>
  call(device, 'POST', `challenges/${encodeURIComponent(challengeId)}/reject`, {})

/** @param {Device} device */
export const removeDevice = (device) => call(device, 'DELETE', 'devices/self')

/**
 * What waits, then what comes and ends, until the stream does.
 * @param {Device} device
 * @param {AbortSignal} signal
 * @param {() => void} onOpen From here on everything is told anew.
 * @returns {AsyncGenerator<{ event: string, data: string }>}
 */
export async function* events(device, signal, onOpen) {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), silenceMaxMs)
  try {
    const answer = await fetch('events', {
      headers: { accept: 'text/event-stream', authorization: await bearer(device) },
      signal: AbortSignal.any([signal, silence.signal])
    })
    if (answer.status !== 200 || answer.body === null) await readAnswer(answer)
    else {
      onOpen()
      yield* readEvents(answer.body, () => {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), silenceMaxMs)
      })
    }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The evidence of a confirmation: over the hash of everything shown, and how its owner was recognised.
 * @param {Device} device
 * @param {Challenge} challenge
 * @param {string} display The hash of what was shown, computed here.
 * @param {import('./recognition.js').Recognised} recognised
 * @returns {Promise<string>}
 */
export function biometricToken(device, challenge, display, { recognisedBy, webauthn }) {
  const iat = Math.floor(serverNow() / 1000)
  return signJws(
    device.privateKey,
    { kid: device.deviceId, typ: 'biometric-challenge+jwt' },
    {
      iss: device.deviceId,
      sub: device.subscriber.id,
      aud: device.audience,
      iat,
      exp: iat + 120,
      jti: newId(),
      challenge: challenge.id,
      nonce: challenge.nonce,
      display,
      amr: ['hwk', recognisedBy],
      ...(webauthn && { webauthn })
    }
  )
}

/**
 * @param {Device} device
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function call(device, method, path, body) {
  const headers = {
    authorization: await bearer(device),
    ...(body && { 'content-type': 'application/json' })
  }
  return readAnswer(await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) }))
}

/**
 * Who calls: a JWS that lives for a minute and is used once.
 * @param {Device} device
 */
async function bearer({ privateKey, deviceId, audience }) {
  const iat = Math.floor(serverNow() / 1000)
  const claims = { iss: deviceId, sub: deviceId, aud: audience, iat, exp: iat + 60, jti: newId() }
  return `Bearer ${await signJws(privateKey, { kid: deviceId, typ: 'device+jwt' }, claims)}`
}

const newId = () => base64url(crypto.getRandomValues(new Uint8Array(16)))

/** @param {Response} answer */
async function readAnswer(answer) {
  const text = await answer.text()
  let body
  try {
    body = text === '' ? {} : JSON.parse(text)
  } catch {
    body = {}
  }
  if (!answer.ok) throw new PhoneApiError(answer.status, body)
  return body
}
