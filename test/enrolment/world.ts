import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import type { ClientConfig } from 'pg'
import { pino } from 'pino'
import { createAccess } from '../../src/access/create.js'
import { createRefusals } from '../../src/access/refusals.js'
import type { Challenge } from '../../src/activation/activation.js'
import { createActivations } from '../../src/activation/activations.js'
import { createApprovals } from '../../src/activation/approvals.js'
import { openAudit } from '../../src/audit/open.js'
import type { Clock } from '../../src/clock.js'
import { createEnrolment, type EnrolmentDeps } from '../../src/enrolment/create.js'
import { createDirectory } from '../../src/enrolment/directory.js'
import type { Device, Subscriber } from '../../src/enrolment/enrolment.js'
import { createIntegrity } from '../../src/enrolment/integrity.js'
import { openHsm } from '../../src/hsm/open.js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { ceremony as packagedCeremony } from '../../src/pki/ceremony.js'
import { openPki } from '../../src/pki/open.js'
import { createAccessTokenStore } from '../../src/store/access-tokens.js'
import { createActivationCodeStore } from '../../src/store/activation-codes.js'
import { createActivationStore } from '../../src/store/activations.js'
import { createAuditStore } from '../../src/store/audit.js'
import { createCredentialStore } from '../../src/store/credentials.js'
import { createDeviceStore } from '../../src/store/devices.js'
import { startEmbeddedPostgres } from '../../src/store/embedded.js'
import { migrate } from '../../src/store/migrate.js'
import { openDatabase } from '../../src/store/open.js'
import { createOperatorStore } from '../../src/store/operators.js'
import { createPendingKeyStore } from '../../src/store/pending-keys.js'
import { createPkiStore } from '../../src/store/pki.js'
import { createRelyingPartyStore } from '../../src/store/relying-parties.js'
import { createSeals } from '../../src/store/seals.js'
import { createSessionStore } from '../../src/store/signing-sessions.js'
import { createSubscriberStore } from '../../src/store/subscribers.js'

export const publicUrl = 'http://kyso.example'
export const by = 'operator:registrar'
const quiet = pino({ level: 'silent' })

/** What a test's teardown registration looks like. */
interface Test {
  teardown(work: () => unknown): void
}

/** What a server process of these tests is opened with; a child gets it as JSON. */
export interface ServerOptions {
  folder: string
  connection: ClientConfig
  keyStorage: 'wrapped' | 'token'
  serverId: string
}

/** The rooms of one server process, as far as enrolment needs them. Opening order as `server.ts` has it. */
export async function openServer(
  { folder, connection, keyStorage, serverId }: ServerOptions,
  now: Clock = () => new Date(),
  wrapped: (deps: EnrolmentDeps) => EnrolmentDeps = (deps) => deps
) {
  const database = await openDatabase({ connection, log: quiet })
  await database.tryHold(`server:${serverId}`)
  const modulePath = findSoftHsmModule()
  if (modulePath === null) throw new Error('SoftHSM is not installed: run softhsm/install.sh')
  const { confPath, lockPath } = prepareSoftHsm(join(folder, 'softhsm'))
  useSoftHsm(confPath)
  const hsm = await openHsm(
    {
      modulePath,
      tokenLabel: 'kyso',
      pin: '12345678',
      soPin: '87654321',
      keyStorage,
      workers: 1,
      keyCacheSize: 10,
      lockPath
    },
    () => undefined
  )
  const seals = createSeals({ mac: hsm.mac })
  const auditStore = createAuditStore(database)
  const audit = await openAudit({
    serverId,
    store: auditStore,
    checkpointKey: await hsm.tokenKey('audit', 'P-256'),
    now,
    log: quiet,
    appendCheckpoint: async () => undefined
  })
  const actor = `server:${serverId}`
  const { root, timestamp, tls, authorities } = packagedCeremony()
  const pki = await openPki({
    hsm,
    store: createPkiStore(database),
    now,
    baseUrl: publicUrl,
    log: quiet,
    // Keys of CAs are another test's matter; these are made in no time.
    ceremony: {
      root: { ...root, algorithm: 'P-256' },
      timestamp,
      tls,
      authorities: authorities.map((authority) => ({ ...authority, algorithm: 'P-256' }))
    }
  })
  const integrity = createIntegrity({ seals, audit, now, actor })
  const stores = {
    subscribers: createSubscriberStore(database),
    credentials: createCredentialStore(database),
    devices: createDeviceStore(database),
    codes: createActivationCodeStore(database),
    pendingKeys: createPendingKeyStore(database)
  }
  const directory = await createDirectory({
    ...stores,
    integrity,
    listen: (on) => database.listen('directory', on),
    now
  })
  const access = await createAccess({
    relyingPartyStore: createRelyingPartyStore(database, seals),
    accessTokenStore: createAccessTokenStore(database),
    operatorStore: createOperatorStore(database, seals),
    audit,
    secrets: hsm.secrets,
    now,
    providers: ['vnpt', 'viettel'],
    tokenTtlS: 3600,
    simulation: true
  })
  const activationStore = createActivationStore(database)
  const approvals = createApprovals({ store: activationStore, directory, audit, actor })
  const activations = await createActivations({
    store: activationStore,
    sessions: createSessionStore(database),
    directory,
    access,
    factors: { require: async () => undefined },
    approvals,
    audit,
    now,
    actor,
    publicUrl,
    ttlS: () => 300,
    sadTtlS: 300
  })
  const refusals = createRefusals({ audit })
  const deps: EnrolmentDeps = {
    ...stores,
    keys: hsm.keys,
    keyStorage,
    storedTokenKeyIds: hsm.storedTokenKeyIds,
    pki,
    directory,
    integrity,
    seals,
    activations,
    approvals,
    audit,
    refusals,
    operators: access.operators,
    now,
    providers: (id) =>
      id === 'bcy'
        ? { label: 'BCY', asksPassword: false, unsupported: 'Not served yet.' }
        : ['vnpt', 'viettel'].includes(id)
          ? { label: `CA ${id}`, asksPassword: id === 'vnpt', unsupported: null }
          : null,
    hashPassword: async (password) => `hash of ${createHash('sha256').update(password).digest('hex')}`,
    serverId,
    sendsCodes: true,
    simulation: true,
    replacementNeedsConsent: true
  }
  const enrolment = createEnrolment(wrapped(deps))
  return {
    database,
    hsm,
    pki,
    audit,
    seals,
    deps,
    stores,
    directory,
    access,
    activations,
    enrolment,
    async close() {
      enrolment.close()
      await refusals.close()
      activations.close()
      directory.close()
      await access.close()
      await audit.close()
      await pki.close()
      await hsm.close()
      await database.close()
    }
  }
}

/** A database and a token of their own, and one server on them; all ended with `t`. */
export async function startWorld(t: Test, keyStorage: 'wrapped' | 'token') {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-enrolment-'))
  let at = Date.now()
  const now = () => new Date(at)
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: quiet })
  await migrate({ connection: postgres.connection, log: quiet, now })
  const options: ServerOptions = {
    folder,
    connection: postgres.connection,
    keyStorage,
    serverId: randomUUID()
  }
  const server = await openServer(options, now)
  // tap tears down in the reverse order of registration only if asked, so it is one step here.
  t.teardown(async () => {
    await server.close()
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })
  let people = 0

  return {
    ...server,
    options,
    now,
    /** Moves the clock. */
    pass(ms: number) {
      at += ms
    },
    /** A person nobody else has. */
    person: (provider = 'vnpt'): Promise<Subscriber> => {
      people += 1
      const login = `person-${people}`
      const fullName = `Nguyễn Văn ${people}`
      return server.enrolment.createSubscriber({ provider, login, fullName, nationalId: '001088035895' }, by)
    },
    /** What was audited, oldest first. */
    async events(type: string): Promise<{ actor: string; about: Record<string, unknown> }[]> {
      const { rows } = await server.database.query<{ actor: string; about: Record<string, unknown> }>({
        text: 'select actor, about from audit_events where type = $1 order by at, chain, seq',
        values: [type]
      })
      return rows
    },
    sql: (text: string, values: unknown[] = []) =>
      server.database.query<Record<string, unknown>>({ text, values })
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** A phone: a key of its own, and what it signs when its owner agrees. */
export class Phone {
  readonly #privateKey: KeyObject
  readonly jwk: { kty: string; crv: string; x: string; y: string }
  device: Device | null = null

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#privateKey = privateKey
    const { kty = '', crv = '', x = '', y = '' } = publicKey.export({ format: 'jwk' })
    this.jwk = { kty, crv, x, y }
  }

  /** Enrols with a code at its subscriber's provider. */
  async enrol(world: Pick<World, 'enrolment'>, provider: string, activationCode: string): Promise<Device> {
    const input = { provider, activationCode, name: 'Điện thoại', platform: 'test', publicKey: this.jwk }
    const { device } = await world.enrolment.enrolDevice(input)
    this.device = device
    return device
  }

  async token(challenge: Challenge, at: Date): Promise<string> {
    const iat = Math.floor(at.getTime() / 1000)
    return new SignJWT({
      challenge: challenge.id,
      nonce: challenge.nonce,
      display: challenge.displayHash,
      amr: ['hwk', 'face']
    })
      .setProtectedHeader({ alg: 'ES256', kid: this.#device.id, typ: 'biometric-challenge+jwt' })
      .setIssuer(this.#device.id)
      .setSubject(this.#device.subscriberId)
      .setAudience(challenge.audience)
      .setIssuedAt(iat)
      .setExpirationTime(iat + 60)
      .setJti(randomUUID())
      .sign(this.#privateKey)
  }

  /** Confirms the challenge `id`. */
  async confirm(world: Pick<World, 'activations' | 'now'>, id: string): Promise<void> {
    const challenge = (await world.activations.waitingFor(this.#device.subscriberId)).find(
      (one) => one.id === id
    )
    if (challenge === undefined) throw new Error(`no challenge ${id}`)
    const token = await this.token(challenge, world.now())
    await world.activations.confirm({ deviceId: this.#device.id, activationId: id, token })
  }

  get #device(): Device {
    if (this.device === null) throw new TypeError('the phone is not enrolled')
    return this.device
  }
}

/** The error's code and what it says, for comparing. */
export async function failure(
  work: Promise<unknown>
): Promise<{ code: string; says: string; field: string | undefined }> {
  try {
    await work
  } catch (error) {
    const { code, says, field } = error as { code: string; says: string; field: string | undefined }
    if (code === undefined) throw error
    return { code, says, field }
  }
  return { code: 'none', says: 'nothing failed', field: undefined }
}

/** A value with octets in hex, since a Buffer and another Uint8Array are the same to us and not to tap. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}
