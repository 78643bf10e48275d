import { randomUUID } from 'node:crypto'
import { displayFault } from '../activation/display-text.js'
import type { Audit, AuditEvent, Json } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { cancelledEvent } from '../enrolment/cancelled-event.js'
import { ServiceError } from '../errors.js'
import type { Secrets } from '../hsm/hsm.js'
import type { RelyingParty } from './access.js'
import { checkAddresses } from './addresses.js'
import { callbackSecretOf, decryptCallbackSecret } from './callback-secret.js'
import { newSecret, secretMatches, secretSha256 } from './client-secret.js'
import type { ReadRelyingParty, RelyingPartyRecord, RelyingPartyStore } from './needs.js'
import { createRecent } from './recent.js'
import type { Refusals } from './refusals.js'

/** How old a relying party from memory may be, at most; changes are announced and seen at once. */
export const accessCacheMaxAgeMs = 10_000
/** Relying parties kept in memory, at most. */
const relyingPartiesKept = 1_000

/** What an operator registers. */
export interface RelyingPartyRequest {
  provider: string
  /** 1 to 128 characters: what devices show. */
  name: string
  redirectUris?: readonly string[]
  callbackUrls?: readonly string[]
  callbackAuthUrl?: string | null
  /** What we prove ourselves with there: 1 to 256 characters. Absent with a new address: one is made. */
  callbackAuthSecret?: string
  mode?: RelyingParty['mode']
}

/** For the seed alone: names and secrets that are the same on every machine. */
export interface SeededRelyingParty {
  clientId: string
  clientSecret: string
}

/** Absent: unchanged. */
export type RelyingPartyChange = Partial<Omit<RelyingPartyRequest, 'provider'>>

/** The register of relying parties, as operators keep it. `actor` is as in audit events. */
export interface RelyingPartyRegister {
  /**
   * Registers one. Its secret, and the one for `callbackAuthUrl` if it was made here, are returned here and never again.
   * @throws ServiceError `request_invalid` (with `field`), `state_conflict` when the seeded clientId is taken.
   */
  create(
    request: RelyingPartyRequest,
    actor: string,
    seeded?: SeededRelyingParty
  ): Promise<{ relyingParty: RelyingParty; clientSecret: string; callbackAuthSecret: string | null }>
  /**
   * One of the provider's own, whose secret nobody has; made when it is first needed. Operators may rename or remove it.
   * @returns Null: it was removed. @throws ServiceError `integrity_broken`.
   */
  ensure(
    of: { provider: string; clientId: string; name: string },
    actor: string
  ): Promise<RelyingParty | null>
  /** Past the cache. @throws ServiceError `not_found`, `integrity_broken`. */
  get(provider: string, clientId: string): Promise<RelyingParty>
  /** By provider and clientId; one whose seal is broken is listed as such, so that an operator can see it. */
  list(of: {
    provider: string | null
    after: { provider: string; clientId: string } | null
    limit: number
  }): Promise<{ relyingParty: RelyingParty; intact: boolean }[]>
  /**
   * @returns `callbackAuthSecret` where a new `callbackAuthUrl` came without one and it was made here: never again.
   * @throws ServiceError `not_found`, `integrity_broken`, `request_invalid`, `state_conflict` under constant change.
   */
  change(
    provider: string,
    clientId: string,
    change: RelyingPartyChange,
    actor: string
  ): Promise<{ relyingParty: RelyingParty; callbackAuthSecret: string | null }>
  /** Makes the old secret useless at once; tokens issued for it live on. @throws like `change`. */
  replaceSecret(provider: string, clientId: string, actor: string): Promise<{ clientSecret: string }>
  /** Its secret and all its tokens stop working and what it asked for ends; its rows stay for the audit. @throws like `change`. */
  remove(provider: string, clientId: string, actor: string): Promise<void>
}

/** The part of `Access` that concerns relying parties. */
export interface RelyingPartyLookup {
  authenticateClient(provider: string, clientId: string, clientSecret: string): Promise<RelyingParty>
  relyingParty(provider: string, clientId: string): Promise<RelyingParty | null>
  /**
   * SHA-256 of the client secret: the key of what a relying party authenticates with it (CSC API v2 §8.4.1). Null: there
   * is no such relying party.
   */
  clientKey(provider: string, clientId: string): Promise<Uint8Array | null>
  /**
   * Where and with what we prove ourselves before a callback: of one version of the row, so that no address gets
   * another one's secret. Null: nowhere, or it was removed.
   * @throws ServiceError `integrity_broken`, `hsm_unavailable`.
   */
  callbackAuth(provider: string, clientId: string): Promise<{ url: string; clientSecret: string } | null>
}

const clientIdForm = /^[A-Za-z0-9._~-]{1,64}$/
/** Characters of a name, which a device shows as it is. */
const nameMax = 128
/** Why what a relying party asked for ends with it. */
const removedReason = 'relying-party-removed'
/** Attempts to write over a row that others keep changing. */
const writeAttempts = 3

/** Keeps and proves relying parties. */
export async function openRelyingParties(deps: {
  store: RelyingPartyStore
  audit: Audit
  refusals: Refusals
  secrets: Secrets
  now: Clock
  /** Names of the providers that are served. */
  providers: readonly string[]
  simulation: boolean
}): Promise<RelyingPartyRegister & RelyingPartyLookup & { close(): Promise<void> }> {
  const { store, audit, refusals, secrets, now, simulation } = deps
  const providers = new Set(deps.providers)

  const recent = createRecent<RelyingPartyRecord>({
    max: relyingPartiesKept,
    maxAgeMs: accessCacheMaxAgeMs,
    now,
    load: async (key) => {
      const [provider = '', clientId = ''] = key.split(' ')
      return read(provider, clientId)
    }
  })
  const stop = await store.watch((changed) => {
    recent.forget(changed === null ? null : cacheKey(changed.provider, changed.clientId))
  })

  /** The row itself; null when there is none, or it was removed. */
  async function read(provider: string, clientId: string): Promise<RelyingPartyRecord | null> {
    const found = await store.find(provider, clientId)
    if (found === null) return null
    if (!found.intact) {
      await reportBroken(found)
      throw new ServiceError(
        'integrity_broken',
        `relying party ${provider}/${clientId}: the seal does not hold`
      )
    }
    return found.record.removedAt === null ? found.record : null
  }

  async function reportBroken({ record: { provider, clientId } }: ReadRelyingParty): Promise<void> {
    await refusals.record(`broken ${provider}`, clientId, {
      type: 'integrity.broken',
      actor: 'anyone',
      about: { table: 'relying_parties', provider, clientId }
    })
  }

  async function lookup(provider: string, clientId: string): Promise<RelyingPartyRecord | null> {
    if (!providers.has(provider) || !clientIdForm.test(clientId)) return null
    return recent.get(cacheKey(provider, clientId))
  }

  async function existing(provider: string, clientId: string): Promise<RelyingPartyRecord> {
    const known = providers.has(provider) && clientIdForm.test(clientId)
    const record = known ? await read(provider, clientId) : null
    if (record === null) throw new ServiceError('not_found', `no relying party ${provider}/${clientId}`)
    return record
  }

  /** Writes what `next` makes of the present row; null from it: nothing to write. */
  async function rewrite(
    provider: string,
    clientId: string,
    next: (record: RelyingPartyRecord) => Promise<{ record: RelyingPartyRecord; event: AuditEvent } | null>
  ): Promise<RelyingPartyRecord> {
    for (let attempt = 0; attempt < writeAttempts; attempt += 1) {
      const present = await existing(provider, clientId)
      const change = await next(present)
      if (change === null) return present
      const record = { ...change.record, version: present.version + 1 }
      const { removedAt } = record
      const written =
        removedAt === null
          ? await store.replace(record)
          : await audit.recordWith((recordIn) =>
              store.remove(record, { reason: removedReason, at: removedAt }, (transaction, cancelled) =>
                recordIn(
                  transaction,
                  change.event,
                  ...cancelled.map((one) => cancelledEvent(one, removedReason, change.event.actor))
                )
              )
            )
      if (!written) continue
      recent.forget(cacheKey(provider, clientId)) // before the announcement arrives
      if (removedAt === null) await audit.record(change.event)
      return record
    }
    throw new ServiceError(
      'state_conflict',
      `relying party ${provider}/${clientId} changed ${writeAttempts} times`,
      {
        says: 'Someone else changes this relying party at the same time.'
      }
    )
  }

  /** Only the members that may change, checked; a name is brought to one form. */
  function checked(change: RelyingPartyChange): Omit<RelyingPartyChange, 'callbackAuthSecret'> {
    const { redirectUris, callbackUrls, callbackAuthUrl, mode } = change
    const name = change.name?.normalize('NFC').trim()
    if (name !== undefined && (displayFault(name, nameMax) !== null || !/\p{L}/u.test(name))) {
      const says = `A name has 1 to ${nameMax} visible characters, one of them a letter.`
      throw new ServiceError('request_invalid', says, { says, field: 'name' })
    }
    if (redirectUris) checkAddresses(redirectUris, { field: 'redirectUris', loopbackEntry: simulation })
    if (callbackUrls) checkAddresses(callbackUrls, { field: 'callbackUrls', loopbackEntry: simulation })
    if (typeof callbackAuthUrl === 'string') {
      checkAddresses([callbackAuthUrl], { field: 'callbackAuthUrl', loopbackEntry: false })
    }
    return {
      ...(name !== undefined && { name }),
      ...(redirectUris !== undefined && { redirectUris }),
      ...(callbackUrls !== undefined && { callbackUrls }),
      ...(callbackAuthUrl !== undefined && { callbackAuthUrl }),
      ...(mode !== undefined && { mode })
    }
  }

  return {
    async create(request, actor, seeded) {
      if (!providers.has(request.provider)) {
        const says = 'No provider of this name is served here.'
        throw new ServiceError('request_invalid', says, { says, field: 'provider' })
      }
      if (seeded !== undefined && !clientIdForm.test(seeded.clientId))
        throw new RangeError('clientId is not usable')
      const { provider } = request
      const { redirectUris, callbackUrls, callbackAuthUrl, mode, name = request.name } = checked(request)
      const clientSecret = seeded?.clientSecret ?? newSecret()
      const clientId = seeded?.clientId ?? randomUUID()
      const nothing = { provider, clientId, callbackAuthUrl: null, callbackAuthSecret: null }
      const callbackAuth = await callbackSecretOf(nothing, request, secrets)
      const record: RelyingPartyRecord = {
        provider,
        clientId,
        name,
        redirectUris: redirectUris ?? [],
        callbackUrls: callbackUrls ?? [],
        callbackAuthUrl: callbackAuthUrl ?? null,
        callbackAuthSecret: callbackAuth.encrypted,
        mode: mode ?? 'strict',
        demo: seeded !== undefined,
        createdAt: now(),
        version: 1,
        secretSha256: secretSha256(clientSecret),
        removedAt: null
      }
      if (!(await store.add(record))) {
        throw new ServiceError('state_conflict', `relying party ${provider}/${record.clientId} exists`, {
          says: 'A relying party with this clientId exists, or did.'
        })
      }
      await audit.record({
        type: 'relying-party.created',
        actor,
        about: { ...naming(record), ...recorded(record) }
      })
      return { relyingParty: withoutSecret(record), clientSecret, callbackAuthSecret: callbackAuth.made }
    },

    async ensure({ provider, clientId, name }, actor) {
      const present = await lookup(provider, clientId)
      if (present !== null) return withoutSecret(present)
      const record: RelyingPartyRecord = {
        ...{ provider, clientId, name, redirectUris: [], callbackUrls: [], callbackAuthUrl: null },
        ...{ callbackAuthSecret: null, mode: 'strict', demo: false, createdAt: now(), version: 1 },
        secretSha256: secretSha256(newSecret()),
        removedAt: null
      }
      if (await store.add(record)) {
        const about = { ...naming(record), ...recorded(record) }
        await audit.record({ type: 'relying-party.created', actor, about })
        return withoutSecret(record)
      }
      const found = await read(provider, clientId) // made meanwhile, or removed
      return found === null ? null : withoutSecret(found)
    },

    async get(provider, clientId) {
      return withoutSecret(await existing(provider, clientId))
    },

    async list(of) {
      const found = await store.list(of)
      await Promise.all(found.filter(({ intact }) => !intact).map(reportBroken))
      return found.map(({ record, intact }) => ({ relyingParty: withoutSecret(record), intact }))
    },

    async change(provider, clientId, change, actor) {
      const wanted = Object.entries(checked(change))
      let callbackAuthSecret: string | null = null
      const record = await rewrite(provider, clientId, async (present) => {
        const { encrypted, made, replaced } = await callbackSecretOf(present, change, secrets)
        callbackAuthSecret = made
        const before = new Map<string, unknown>(Object.entries(present))
        const changes = Object.fromEntries(
          wanted.filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(before.get(field)))
        )
        if (Object.keys(changes).length === 0 && !replaced) return null
        const record = { ...present, ...changes, callbackAuthSecret: encrypted }
        const said = recorded(record)
        const changed = {
          ...Object.fromEntries(Object.keys(changes).map((field) => [field, said[field] ?? null])),
          ...(replaced && { callbackAuthSecret: 'replaced' })
        }
        return {
          record,
          event: {
            type: 'relying-party.changed',
            actor,
            about: { ...naming(present), version: present.version + 1, changed }
          }
        }
      })
      return { relyingParty: withoutSecret(record), callbackAuthSecret }
    },

    async replaceSecret(provider, clientId, actor) {
      const clientSecret = newSecret()
      await rewrite(provider, clientId, async (present) => ({
        record: { ...present, secretSha256: secretSha256(clientSecret) },
        event: { type: 'relying-party.secret-replaced', actor, about: naming(present) }
      }))
      return { clientSecret }
    },

    async remove(provider, clientId, actor) {
      const removedAt = now()
      await rewrite(provider, clientId, async (present) => ({
        record: { ...present, removedAt },
        event: { type: 'relying-party.removed', actor, about: naming(present) }
      }))
    },

    async relyingParty(provider, clientId) {
      const record = await lookup(provider, clientId)
      return record === null ? null : withoutSecret(record)
    },

    clientKey: async (provider, clientId) => (await lookup(provider, clientId))?.secretSha256 ?? null,

    async callbackAuth(provider, clientId) {
      const record = await lookup(provider, clientId)
      if (record === null || record.callbackAuthUrl === null) return null
      return { url: record.callbackAuthUrl, clientSecret: await decryptCallbackSecret(record, secrets) }
    },

    async authenticateClient(provider, clientId, clientSecret) {
      const usable = providers.has(provider) && clientIdForm.test(clientId)
      const key = cacheKey(provider, clientId)
      const known = usable ? recent.peek(key) : undefined
      if (known !== undefined && secretMatches(clientSecret, known.secretSha256)) return withoutSecret(known)
      // Whatever is refused has cost one look past the cache: a secret replaced on another server a moment ago is
      // taken, and a name that exists takes as long as one that does not.
      const record = usable ? await recent.refresh(key) : null
      if (secretMatches(clientSecret, record?.secretSha256 ?? null) && record !== null)
        return withoutSecret(record)
      // An unknown name is not written down: it is a stranger's text, and may be a secret put into the wrong field.
      const named = record === null ? null : record.clientId
      const at = providers.has(provider) ? provider : null
      await refusals.record(`client of ${at ?? 'no provider'}`, named ?? '', {
        type: 'client.refused',
        actor: 'anyone',
        about: { provider: at, clientId: named, code: 'authentication_failed' }
      })
      throw new ServiceError(
        'authentication_failed',
        named === null ? 'unknown client' : `wrong secret of ${named}`
      )
    },

    async close() {
      await stop()
    }
  }
}

const cacheKey = (provider: string, clientId: string) => `${provider} ${clientId}`

const naming = ({ provider, clientId }: RelyingParty) => ({ provider, clientId })

/** What the audit says of a relying party. Queries of callback addresses stay out: some carry a secret there. */
function recorded(party: RelyingParty): { [field: string]: Json } {
  const bare = (address: string) => address.split('?')[0] ?? ''
  return {
    name: party.name,
    redirectUris: party.redirectUris.map(bare),
    callbackUrls: party.callbackUrls.map(bare),
    callbackAuthUrl: party.callbackAuthUrl === null ? null : bare(party.callbackAuthUrl),
    mode: party.mode
  }
}

function withoutSecret(record: RelyingPartyRecord): RelyingParty {
  const { secretSha256: _, callbackAuthSecret: __, removedAt: ___, ...party } = record
  return party
}
