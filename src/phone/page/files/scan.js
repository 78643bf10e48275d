/**
 * Reads a QR code by the camera, where the browser has both (the Shape Detection API is not in all of them).
 * @typedef {{ detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]> }} Detector
 * @typedef {{ new (options: { formats: string[] }): Detector, getSupportedFormats(): Promise<string[]> }} DetectorClass
 */

const lookEveryMs = 200

/** @returns {DetectorClass | null} */
function detectorClass() {
  const found = Reflect.get(window, 'BarcodeDetector')
  return typeof found === 'function' ? /** @type {DetectorClass} */ (found) : null
}

/** @returns {Promise<boolean>} */
export async function canScan() {
  const Detector = detectorClass()
  if (Detector === null || navigator.mediaDevices === undefined) return false
  return (await Detector.getSupportedFormats()).includes('qr_code')
}

/**
 * Shows the camera in `video` until a code is seen that `read` can use.
 * @param {HTMLVideoElement} video
 * @param {(text: string) => string | null} read
 * @param {AbortSignal} signal
 * @returns {Promise<string | null>} Null: it was ended before.
 * @throws DOMException when there is no camera or it may not be used.
 */
export async function scan(video, read, signal) {
  const Detector = detectorClass()
  if (Detector === null) return null
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    const detector = new Detector({ formats: ['qr_code'] })
    video.srcObject = stream
    await video.play()
    while (!signal.aborted) {
      for (const { rawValue } of await detector.detect(video)) {
        const code = read(rawValue)
        if (code !== null) return code
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
    return null
  } finally {
    for (const track of stream.getTracks()) track.stop()
    video.srcObject = null
  }
}

/**
 * The activation code in what a QR code says: the address of this page with `#code=`, or the code alone.
 * @param {string} text
 * @returns {string | null}
 */
export function codeIn(text) {
  const [, given] = /#(?:.*&)?code=([^&]*)/.exec(text) ?? []
  const code = given ?? text.trim()
  return /^[0-9A-Za-z -]{16,40}$/.test(code) ? code : null
}
