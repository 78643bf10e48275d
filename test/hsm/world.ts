import { execFile, spawn } from 'node:child_process'
import { constants, createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pkcs11 from 'pkcs11js'
import type {
  HashAlgorithm,
  Hsm,
  HsmSettings,
  KeyAlgorithm,
  SignatureScheme,
  SignResult
} from '../../src/hsm/hsm.js'
import { openHsm } from '../../src/hsm/open.js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'

const run = promisify(execFile)

export const modulePath = findSoftHsmModule() ?? 'softhsm is not installed'
export const pin = '765432'
export const tokenLabel = 'kyso test'

interface Test {
  teardown(work: () => void | Promise<void>): void
}

/** A temporary folder, removed with `t`. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-hsm-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function settingsFor(folder: string, changes: Partial<HsmSettings> = {}): HsmSettings {
  const { lockPath, discardToken } = prepareSoftHsm(folder)
  return {
    modulePath,
    tokenLabel,
    pin,
    soPin: '12345678',
    keyStorage: 'wrapped',
    workers: 2,
    keyCacheSize: 100,
    lockPath,
    discardToken,
    ...changes
  }
}

/** Points the module at a folder and opens it; one at a time in a process. Closed with `t` unless closed before. */
export async function open(t: Test, folder: string, changes: Partial<HsmSettings> = {}): Promise<Hsm> {
  useSoftHsm(prepareSoftHsm(folder).confPath)
  const hsm = await openHsm(settingsFor(folder, changes), () => undefined)
  t.teardown(() => hsm.close())
  return hsm
}

/** The module past the house's door, as somebody with the PIN would use it. Log-in is the process's. */
export function rawAccess() {
  const lib = new pkcs11.PKCS11()
  lib.load(modulePath)
  const slot = lib
    .C_GetSlotList(true)
    .find((handle) => lib.C_GetTokenInfo(handle).label.trim() === tokenLabel)
  if (slot === undefined) throw new Error('no token')
  const session = lib.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION)
  return {
    lib,
    slot,
    session,
    find(...template: pkcs11.Template) {
      lib.C_FindObjectsInit(session, template)
      const handles = lib.C_FindObjects(session, 100)
      lib.C_FindObjectsFinal(session)
      return handles
    }
  }
}

export const schemesOf = (algorithm: KeyAlgorithm, hash: HashAlgorithm): SignatureScheme[] =>
  algorithm.startsWith('P-')
    ? [{ type: 'ecdsa', hash }]
    : [
        { type: 'pkcs1', hash },
        { type: 'pss', hash, saltLength: 0 },
        { type: 'pss', hash, saltLength: 32 }
      ]

const nodeHash = (hash: HashAlgorithm) => hash.replace('-', '').toLowerCase()

export const digestOf = (message: Uint8Array, hash: HashAlgorithm = 'SHA-256') =>
  new Uint8Array(createHash(nodeHash(hash)).update(message).digest())

/** Messages and their digests. */
export function messages(count: number, hash: HashAlgorithm = 'SHA-256') {
  const texts = Array.from({ length: count }, () => new Uint8Array(randomBytes(50)))
  return { texts, digests: texts.map((text) => digestOf(text, hash)) }
}

export function verifies(
  spki: Uint8Array,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
  dsaEncoding: 'der' | 'ieee-p1363' = 'der'
): boolean {
  const key = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' })
  const options =
    scheme.type === 'pss'
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltLength }
      : { key, dsaEncoding }
  return verify(nodeHash(scheme.hash), message, options, signature)
}

/** `openssl pkeyutl -verify`, which knows nothing of us: its own words. */
export async function opensslVerdict(
  folder: string,
  spki: Uint8Array,
  scheme: SignatureScheme,
  digest: Uint8Array,
  signature: Uint8Array
): Promise<string> {
  const at = (name: string) => join(folder, name)
  writeFileSync(at('key.der'), spki)
  writeFileSync(at('digest'), digest)
  writeFileSync(at('signature'), signature)
  const options = [`digest:${nodeHash(scheme.hash)}`]
  if (scheme.type === 'pss') options.push('rsa_padding_mode:pss', `rsa_pss_saltlen:${scheme.saltLength}`)
  const { stdout } = await run('openssl', [
    ...['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', at('key.der')],
    ...['-in', at('digest'), '-sigfile', at('signature')],
    ...options.flatMap((option) => ['-pkeyopt', option])
  ])
  return stdout.trim()
}

/** The signature, or a test failure that says what came instead. */
export function signatureIn(result: SignResult | undefined): Uint8Array {
  if (result?.outcome !== 'signed') throw new Error(`not signed: ${JSON.stringify(result)}`)
  return result.signature
}

/** How a result ended, in a word or two. */
export function ending(result: SignResult | undefined): string {
  if (result === undefined) return 'none'
  return result.outcome === 'refused' ? `refused ${result.reason}` : result.outcome
}

/** Tries until `work` does not throw, for at most 15 s. */
export async function eventually<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + 15_000
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (performance.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** Runs `child.ts` in a process of its own. */
export function startChild(
  folder: string,
  work: 'sign' | 'open'
): { kill(): void; ended: Promise<ChildEnd> } {
  const script = fileURLToPath(new URL('./child.js', import.meta.url))
  const child = spawn(process.execPath, [script, folder, work], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString()
  })
  const ended = new Promise<ChildEnd>((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal, output, errors }))
  })
  return { kill: () => child.kill('SIGKILL'), ended }
}

export interface ChildEnd {
  status: number | null
  signal: string | null
  output: string
  errors: string
}
