import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const candidates: readonly string[] = [
  '/usr/lib/softhsm/libsofthsm2.so', // Debian and Ubuntu, a link to the folder of the architecture
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so', // Fedora
  '/usr/local/lib/softhsm/libsofthsm2.so', // built by hand, Homebrew on Intel
  '/opt/homebrew/lib/softhsm/libsofthsm2.so' // Homebrew on Apple silicon
]

/** Where SoftHSM 2 is installed; null: `softhsm/install.sh` has not been run. */
export function findSoftHsmModule(): string | null {
  return candidates.find((path) => existsSync(path)) ?? null
}

/**
 * Makes a folder for SoftHSM's tokens, with its configuration, for this system user alone. Changes nothing that is
 * as it should be.
 * @returns `confPath` for `useSoftHsm`; `lockPath` and `discardToken` for `HsmSettings`.
 */
export function prepareSoftHsm(folder: string): {
  confPath: string
  lockPath: string
  discardToken: (serialNumber: string) => void
} {
  const root = resolve(folder)
  const tokens = join(root, 'tokens')
  for (const path of [root, tokens]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chmodSync(path, 0o700)
  }
  const confPath = join(root, 'softhsm2.conf')
  const conf = [
    `directories.tokendir = ${tokens}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    ''
  ].join('\n')
  if (!existsSync(confPath) || readFileSync(confPath, 'utf8') !== conf) {
    writeFileSync(confPath, conf, { mode: 0o600 })
  }
  chmodSync(confPath, 0o600)
  return { confPath, lockPath: root, discardToken: (serialNumber) => discardToken(tokens, serialNumber) }
}

/** SoftHSM names a token's folder by a UUID, whose last 16 digits are the token's serial number. */
function discardToken(tokens: string, serialNumber: string): void {
  const folder = readdirSync(tokens).find((name) => name.replaceAll('-', '').slice(-16) === serialNumber)
  if (folder === undefined) throw new Error(`no folder in ${tokens} belongs to token ${serialNumber}`)
  rmSync(join(tokens, folder), { recursive: true })
}

/**
 * Points SoftHSM at its configuration. Before `openHsm`, on the main thread: the library reads the variable at
 * C_Initialize, and a worker's `process.env` is a copy that it does not see. This writes the environment, since
 * that is the only way the library can be told; nothing here reads it.
 */
export function useSoftHsm(confPath: string): void {
  process.env.SOFTHSM2_CONF = confPath
}
