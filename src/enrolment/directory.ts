import type { Clock } from '../clock.js'
import type { SealedFields, SealedTable } from '../store/seals.js'
import type { Credential, Device, Directory, Subscriber } from './enrolment.js'
import type { Integrity } from './integrity.js'
import type {
  CredentialRecord,
  CredentialStore,
  DeviceStore,
  Sealed,
  SubscriberRecord,
  SubscriberStore
} from './needs.js'
import { createRowCache, type Loaded } from './row-cache.js'
import { credentialFields, deviceFields, subscriberFields } from './sealed-fields.js'
import { isStorable } from './texts.js'

/** How old a cached row may be: how long an announcement that got lost can matter. */
export const directoryTtlMs = 10_000
/** Rows of each kind held in memory. A credential with an RSA key takes about 5 KB. */
const cacheMax = 20_000

/** What the directory stands on. */
export interface DirectoryDeps {
  subscribers: Pick<SubscriberStore, 'byIds' | 'byLogins'>
  credentials: Pick<CredentialStore, 'byIds' | 'idsOf'>
  devices: Pick<DeviceStore, 'byIds' | 'idsOf'>
  integrity: Integrity
  /** Hears `<kind> <id>` of every row that any server changed, and null when something may have been missed. */
  listen: (on: (payload: string | null) => void) => Promise<() => void>
  now: Clock
}

export type ChangedKind = 'subscriber' | 'credential' | 'device'

/** The directory of this process. */
export interface LocalDirectory extends Directory {
  /**
   * The subscriber as the row says now, with the hash of the password: for changing the row and for checking a password.
   * Null: no such subscriber. @throws ServiceError `integrity_broken`.
   */
  subscriberRecord(id: string): Promise<SubscriberRecord | null>
  /**
   * The credential as the row says now, with the hash of its PIN: for changing the row and for checking a PIN.
   * Null: no such credential. @throws ServiceError `integrity_broken`.
   */
  credentialRecord(id: string): Promise<CredentialRecord | null>
  /** Makes the next lookup read the database; called after a change, before it is answered. */
  forget(kind: ChangedKind, id: string): void
  close(): void
}

/** See `Directory` for what the lookups promise. Resolves when the server hears of changes. */
export async function createDirectory(deps: DirectoryDeps): Promise<LocalDirectory> {
  const { integrity, listen, now } = deps
  const limits = { max: cacheMax, ttlMs: directoryTtlMs, now }

  const subscribers = createRowCache<Subscriber>({
    ...limits,
    load: async (ids) => (await subscriberRecords(ids)).map(withoutPassword)
  })
  // Only a hint: whether the login is that subscriber's is asked of the subscriber, whose seal covers it.
  const logins = createRowCache<{ id: string }>({
    ...limits,
    load: async (keys) => inOrder(keys, await deps.subscribers.byLogins(keys.map(ofLoginKey)), loginKey)
  })
  const credentials = createRowCache<Credential>({
    ...limits,
    load: async (ids) => (await credentialRecords(ids)).map(withoutPin)
  })
  const devices = createRowCache<Device>({
    ...limits,
    load: async (ids) => checked('devices', ids, await deps.devices.byIds(ids), deviceFields)
  })
  const credentialIds = createRowCache<readonly string[]>({
    ...limits,
    load: async (ids) => (await deps.credentials.idsOf(ids)).map((row) => ({ row }))
  })
  const deviceIds = createRowCache<readonly string[]>({
    ...limits,
    load: async (ids) => (await deps.devices.idsOf(ids)).map((row) => ({ row }))
  })

  const subscriberRecords = async (ids: readonly string[]) =>
    checked('subscribers', ids, await deps.subscribers.byIds(ids), subscriberFields)

  const credentialRecords = async (ids: readonly string[]) =>
    checked('credentials', ids, await deps.credentials.byIds(ids), credentialFields)

  async function checked<Row extends { id: string }>(
    table: SealedTable,
    ids: readonly string[],
    found: readonly Sealed<Row>[],
    fieldsOf: (row: Row) => SealedFields
  ): Promise<Loaded<Row>[]> {
    const byId = new Map(found.map((sealed) => [sealed.row.id, sealed]))
    return Promise.all(
      ids.map(async (id) => {
        const sealed = byId.get(id)
        if (sealed === undefined) return { row: null }
        try {
          const fault = await integrity.fault(table, fieldsOf(sealed.row), sealed.seal)
          return fault === null ? { row: sealed.row } : { fault }
        } catch (error) {
          return { fault: error as Error }
        }
      })
    )
  }

  function forget(kind: ChangedKind, id: string): void {
    if (kind === 'credential') credentials.forget(id)
    if (kind === 'device') devices.forget(id)
    if (kind !== 'subscriber') return
    subscribers.forget(id)
    credentialIds.forget(id)
    deviceIds.forget(id)
  }

  async function subscriberByLogin(provider: string, login: string): Promise<Subscriber | null> {
    const key = loginKey({ provider, login: login.normalize('NFC') })
    const hint = await logins.get(key)
    if (hint === null) return null
    const subscriber = await subscribers.get(hint.id)
    if (subscriber !== null && loginKey(subscriber) === key) return subscriber
    // One of the two in memory is behind a change: read both anew, and believe no login but the one under the seal.
    logins.forget(key)
    const present = await logins.get(key)
    if (present === null) return null
    subscribers.forget(present.id)
    const fresh = await subscribers.get(present.id)
    return fresh !== null && loginKey(fresh) === key ? fresh : null
  }

  const stop = await listen((payload) => {
    if (payload === null) {
      for (const cache of [subscribers, logins, credentials, devices, credentialIds, deviceIds]) cache.clear()
      return
    }
    const [kind, id] = payload.split(' ')
    if (id !== undefined && (kind === 'subscriber' || kind === 'credential' || kind === 'device'))
      forget(kind, id)
  })

  return {
    subscriberByLogin,
    subscriber: (id) => subscribers.get(id),
    async subscriberRecord(id) {
      const loaded = isStorable(id) ? (await subscriberRecords([id]))[0] : undefined
      if (loaded === undefined) return null
      if ('fault' in loaded) throw loaded.fault
      return loaded.row
    },
    credential: (id) => credentials.get(id),
    async credentialRecord(id) {
      const loaded = isStorable(id) ? (await credentialRecords([id]))[0] : undefined
      if (loaded === undefined) return null
      if ('fault' in loaded) throw loaded.fault
      return loaded.row
    },
    async freshCredential(id) {
      credentials.forget(id)
      return credentials.get(id)
    },
    async credentialsOf(subscriberId) {
      const ids = (await credentialIds.get(subscriberId)) ?? []
      const rows = await Promise.all(ids.map((id) => credentials.get(id)))
      return rows.filter((row): row is Credential => row?.subscriberId === subscriberId)
    },
    async device(id) {
      const device = await devices.get(id)
      return device === null || device.removedAt !== null ? null : device
    },
    async devicesOf(subscriberId) {
      const ids = (await deviceIds.get(subscriberId)) ?? []
      const rows = await Promise.all(ids.map((id) => devices.get(id)))
      return rows.filter((row): row is Device => row?.subscriberId === subscriberId && row.removedAt === null)
    },
    forget,
    close: stop
  }
}

function inOrder<Row>(
  keys: readonly string[],
  found: readonly Row[],
  keyOf: (row: Row) => string
): Loaded<Row>[] {
  const byKey = new Map(found.map((row) => [keyOf(row), row]))
  return keys.map((key) => ({ row: byKey.get(key) ?? null }))
}

/** What is kept in memory and handed around knows nothing of passwords. */
function withoutPassword(loaded: Loaded<SubscriberRecord>): Loaded<Subscriber> {
  if ('fault' in loaded || loaded.row === null) return loaded
  const { passwordHash: _, ...row } = loaded.row
  return { row }
}

/** Nor of PINs. */
function withoutPin(loaded: Loaded<CredentialRecord>): Loaded<Credential> {
  if ('fault' in loaded || loaded.row === null) return loaded
  const { pinHash: _, ...row } = loaded.row
  return { row }
}

/** Neither part can hold the separator: providers are names of ours, and control characters are refused in logins. */
const loginKey = ({ provider, login }: { provider: string; login: string }) => `${provider}\n${login}`

function ofLoginKey(key: string): { provider: string; login: string } {
  const at = key.indexOf('\n')
  return { provider: key.slice(0, at), login: key.slice(at + 1) }
}
