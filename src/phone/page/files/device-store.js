/**
 * All that makes this browser a device of somebody. The private key is kept as the browser's own object.
 * @typedef {object} Device
 * @property {string} deviceId
 * @property {string} audience
 * @property {{ id: string, fullName: string }} subscriber
 * @property {string} name What its owner calls it.
 * @property {CryptoKey} privateKey
 * @property {Authenticator | null} authenticator Null: the prompt of the simulation recognises its owner.
 *
 * @typedef {object} Authenticator
 * @property {string} credentialId base64url.
 * @property {'face' | 'fpt'} recognises As its owner said: a browser does not tell which it was.
 */

const databaseName = 'kyso-phone'
const storeName = 'devices'

/**
 * The device kept for a provider.
 * @param {string} provider
 * @returns {Promise<Device | null>}
 */
export async function loadDevice(provider) {
  return (await within('readonly', (devices) => devices.get(provider))) ?? null
}

/**
 * @param {string} provider
 * @param {Device} device
 */
export async function keepDevice(provider, device) {
  await within('readwrite', (devices) => devices.put(device, provider))
  // Without this a browser may throw the key away when it is short of space.
  await navigator.storage?.persist?.()
}

/** @param {string} provider */
export async function forgetDevice(provider) {
  await within('readwrite', (devices) => devices.delete(provider))
}

/**
 * @template Result
 * @param {IDBTransactionMode} mode
 * @param {(devices: IDBObjectStore) => IDBRequest<Result>} work
 * @returns {Promise<Result>} Once the transaction is on disk.
 */
async function within(mode, work) {
  const database = await opened()
  try {
    const transaction = database.transaction(storeName, mode, { durability: 'strict' })
    const request = work(transaction.objectStore(storeName))
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(transaction.error)
    })
  } finally {
    database.close()
  }
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(storeName)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
