/**
 * How the owner of the device is recognised: by the authenticator it was enrolled with, or, only in the simulation, by
 * a prompt that says what it is.
 *
 * @typedef {import('./device-store.js').Device} Device
 * @typedef {import('./device-store.js').Authenticator} Authenticator
 *
 * @typedef {object} Recognised
 * @property {'face' | 'fpt'} recognisedBy As `amr` has it (RFC 8176 §2).
 * @property {object | null} webauthn The assertion, for the claim of that name.
 */
import { base64url, fromBase64url } from './canonical.js'
import { askSimulated } from './simulated-prompt.js'

/** ES256 is what phones have, RS256 the TPM of a computer. */
const algorithms = [-7, -257]
const ceremonyTimeoutMs = 120_000

/**
 * Whether this browser can recognise its owner, and this page is where the server believes it.
 * @param {import('./phone-api.js').Settings} settings
 * @returns {Promise<boolean>}
 */
export async function canUseAuthenticator({ publicUrl }) {
  const { origin, hostname } = new URL(publicUrl)
  // An RP ID is a domain: WebAuthn Level 3 §5.1.3 does not take an address.
  if (origin !== location.origin || /^[\d.]+$|:/.test(hostname)) return false
  if (typeof PublicKeyCredential === 'undefined') return false
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()
}

/**
 * Makes a credential in the authenticator of this device.
 * @param {string} provider
 * @param {string} name What the authenticator lists it under.
 * @returns {Promise<{ credentialId: string, publicKey: object }>} For the server.
 * @throws DOMException `NotAllowedError` when its owner said no or was not recognised.
 */
export async function registerAuthenticator(provider, name) {
  const credential = await navigator.credentials.create({
    publicKey: {
      rp: { id: location.hostname, name: `kyso ${provider}` },
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name, displayName: name },
      // Nobody verifies a registration: the activation code says who enrols.
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
      authenticatorSelection: {
        authenticatorAttachment: 'platform',
        userVerification: 'required',
        residentKey: 'discouraged'
      },
      attestation: 'none',
      timeout: ceremonyTimeoutMs
    }
  })
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError('no public key credential')
  const response = /** @type {AuthenticatorAttestationResponse} */ (credential.response)
  const spki = response.getPublicKey()
  if (spki === null) throw new TypeError('a key that this browser cannot read')
  return {
    credentialId: base64url(credential.rawId),
    publicKey: await jwkOf(spki, response.getPublicKeyAlgorithm())
  }
}

/**
 * Recognises the owner for one display.
 * @param {Device} device
 * @param {string} display Hash of what was shown: the challenge that the authenticator signs.
 * @returns {Promise<Recognised | null>} Null: the owner said no.
 * @throws DOMException when the authenticator did not recognise its owner.
 */
export async function recognise(device, display) {
  if (device.authenticator === null) {
    const recognisedBy = await askSimulated()
    return recognisedBy && { recognisedBy, webauthn: null }
  }
  const { credentialId, recognises } = device.authenticator
  const credential = await navigator.credentials.get({
    publicKey: {
      rpId: location.hostname,
      challenge: fromBase64url(display),
      allowCredentials: [{ type: 'public-key', id: fromBase64url(credentialId), transports: ['internal'] }],
      userVerification: 'required',
      timeout: ceremonyTimeoutMs
    }
  })
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError('no public key credential')
  const response = /** @type {AuthenticatorAssertionResponse} */ (credential.response)
  return {
    recognisedBy: recognises,
    webauthn: {
      credentialId: base64url(credential.rawId),
      authenticatorData: base64url(response.authenticatorData),
      clientDataJSON: base64url(response.clientDataJSON),
      signature: base64url(response.signature)
    }
  }
}

/**
 * @param {ArrayBuffer} spki
 * @param {number} algorithm COSE.
 */
async function jwkOf(spki, algorithm) {
  const parameters =
    algorithm === -257
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('spki', spki, parameters, true, ['verify'])
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', key)
  return algorithm === -257 ? { kty, n, e } : { kty, crv, x, y }
}
