import { execFile } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import type { Clock } from '../../src/clock.js'
import type { Hsm } from '../../src/hsm/hsm.js'
import { openHsm } from '../../src/hsm/open.js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { createApp } from '../../src/http/app.js'
import { openPki, type PkiDeps } from '../../src/pki/open.js'
import type { Pki, RevocationReason, SubjectFields } from '../../src/pki/pki.js'
import { publication } from '../../src/publication/publication.js'
import type { Database, Queryable } from '../../src/store/database.js'
import { startEmbeddedPostgres } from '../../src/store/embedded.js'
import { migrate } from '../../src/store/migrate.js'
import { openDatabase } from '../../src/store/open.js'
import { createPkiStore } from '../../src/store/pki.js'

/** What a test's teardown registration looks like. */
interface Test {
  teardown(work: () => Promise<void>): void
}

/** How openssl ended: with its whole output, since its exit status says little. */
export interface Verdict {
  status: number
  says: string
}

/** A person as the demo seed has them. */
export const binh: SubjectFields = {
  fullName: 'Trần Thị Bình',
  nationalId: '001088035895',
  email: 'binh.tran@example.vn',
  title: 'Chủ tài khoản',
  organisation: { name: 'Trường THCS Sông Lô', budgetUnitCode: '1001163' },
  locality: 'Hà Nội',
  province: null
}

/** Public keys to certify; the CAs never see the other half. */
const subscriberKeys = {
  'RSA-2048': spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
  'P-256': spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
}
function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' })
}

/** A real token, a real database and the publication surface, all ended with `t`. */
export async function startWorld(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-pki-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const quiet = pino({ level: 'silent' })
  let at = new Date()
  const now: Clock = () => at

  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: quiet })
  t.teardown(() => postgres.stop())
  await migrate({ connection: postgres.connection, log: quiet, now })
  const db = await openDatabase({ connection: postgres.connection, log: quiet })
  t.teardown(() => db.close())
  const store = createPkiStore(db)

  const hsm = await openToken(folder)
  t.teardown(() => hsm.close())

  const lines: string[] = []
  const log = {
    info: (line: string) => void lines.push(line),
    warn: (_fields: object, line: string) => void lines.push(line),
    error: (_fields: object, line: string) => void lines.push(line)
  }

  let pki: Pki | null = null
  const present = (): Pki => {
    if (pki === null) throw new TypeError('the world has no CAs yet')
    return pki
  }
  const app = createApp({ log: quiet, trustProxy: false, host: '127.0.0.1', publicUrl: () => base })
  app.register(publication, {
    pki: {
      authority: (name) => present().authority(name),
      chain: (provider) => present().chain(provider),
      crl: (name) => present().crl(name),
      ocsp: (provider, request) => present().ocsp(provider, request)
    }
  })
  let base = ''
  base = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())

  return {
    folder,
    base,
    db,
    store,
    hsm,
    lines,
    log,
    now,
    app,
    pki: present,
    setTime: (to: Date) => {
      at = to
    },
    /** Opens the CAs as a server process would; they are served from then on. */
    async open(over: Partial<Pick<PkiDeps, 'store' | 'hsm' | 'ceremony'>> = {}): Promise<Pki> {
      pki = await openPki({ hsm, store, now, baseUrl: base, log, ...over })
      return pki
    },
    /** Writes a file and answers its path. */
    async file(name: string, content: string | Uint8Array): Promise<string> {
      const path = join(folder, name)
      await writeFile(path, content)
      return path
    },
    /** Runs openssl in the world's folder. */
    openssl: (...args: string[]): Promise<Verdict> => openssl(folder, args),
    /** Writes the row of a credential, or its new status, as far as the CAs look at it. */
    setStatus: (credential: CredentialStatus) => setStatus(db, credential, now()),
    /** A leaf of one's own: serial, certificate, and its PEM file. */
    async leaf(provider: string, subject = binh, algorithm: keyof typeof subscriberKeys = 'RSA-2048') {
      const serialNumber = present().newSerialNumber(provider)
      const certificate = await present().issue({
        provider,
        subject,
        spki: subscriberKeys[algorithm],
        serialNumber,
        notBefore: now(),
        notAfter: new Date(now().getTime() + 365 * dayMs)
      })
      const path = join(folder, `${serialNumber}.pem`)
      await writeFile(path, new X509Certificate(certificate).toString())
      return { provider, serialNumber, certificate, path }
    },
    /** Fetches from the publication surface. */
    fetch: (path: string, init?: RequestInit): Promise<Response> => fetch(`${base}${path}`, init)
  }
}

/** A day. */
export const dayMs = 86_400_000

/** A token in `folder`, made if it is not there. */
async function openToken(folder: string): Promise<Hsm> {
  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new Error('SoftHSM is not installed: run softhsm/install.sh')
  const { confPath, lockPath } = prepareSoftHsm(join(folder, 'softhsm'))
  useSoftHsm(confPath)
  const settings = {
    modulePath,
    tokenLabel: 'kyso',
    pin: '12345678',
    soPin: '87654321',
    keyStorage: 'wrapped' as const,
    workers: 1,
    keyCacheSize: 10,
    lockPath
  }
  return openHsm(settings, () => undefined)
}

/** Runs openssl. */
export async function openssl(cwd: string, args: string[]): Promise<Verdict> {
  try {
    const { stdout, stderr } = await promisify(execFile)('openssl', args, {
      cwd,
      maxBuffer: 64 * 1024 * 1024
    })
    return { status: 0, says: stdout + stderr }
  } catch (error) {
    if (!(error instanceof Error) || !('stdout' in error && 'stderr' in error && 'code' in error)) throw error
    return { status: Number(error.code), says: `${String(error.stdout)}${String(error.stderr)}` }
  }
}

/** A credential as the CAs see it. */
export interface CredentialStatus {
  provider: string
  serialNumber: string
  status: 'issued' | 'active' | 'suspended' | 'revoked'
  reason?: RevocationReason
}

async function setStatus(
  db: Database,
  { provider, serialNumber, status, reason }: CredentialStatus,
  at: Date
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query({
      text: `
        insert into subscribers (id, provider, login, second_factor, full_name, national_id, created_at, version, seal)
        values ($1, $1, 'somebody', 'none', 'Somebody', '001088035895', $2, 1, '')
        on conflict do nothing`,
      values: [provider, at]
    })
    await tx.query({
      text: `
        insert into credentials
          (id, provider, subscriber_id, algorithm, status, serial_number, spki, certificate, wrapped_key,
           not_before, not_after, auth, scal, multisign, issued_at, suspended_at, revoked_at, revocation_reason,
           version, seal)
        values ($1, $2, $2, 'P-256', $3, $1, '', '', '', $4, $4, 'phone', '2', 1, $4,
                case when $3 = 'suspended' then $4::timestamptz end,
                case when $3 = 'revoked' then $4::timestamptz end, $5, 1, '')
        on conflict (provider, serial_number) do update
           set status = excluded.status, suspended_at = excluded.suspended_at, revoked_at = excluded.revoked_at,
               revocation_reason = excluded.revocation_reason`,
      values: [serialNumber, provider, status, at, reason ?? null]
    })
    await countChange(tx, provider)
  })
}

/** Counts a change of status, as the store does in the transaction that makes it. */
export async function countChange(on: Queryable, provider: string): Promise<void> {
  await on.query({
    text: `
      insert into status_versions as counted (issuer, version) values ($1, 1)
      on conflict (issuer) do update set version = counted.version + 1`,
    values: [provider]
  })
}
