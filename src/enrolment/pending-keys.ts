import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { KeyStorage, StoredKey } from '../hsm/hsm.js'
import type { PendingKeyStore } from './needs.js'

/** No key takes longer than this to get its owner's row, whatever its server says of itself. */
const pendingMaxMs = 10 * 60_000
/** Keys looked up by one statement. */
const chunk = 1_000

/** What making keys stands on. */
export interface PendingKeysDeps {
  keys: KeyStorage
  keyStorage: 'wrapped' | 'token'
  /** CKA_IDs of all subscriber keys that are token objects. */
  storedTokenKeyIds: () => Promise<Uint8Array[]>
  pendingKeys: PendingKeyStore
  /** This process, as the table of servers names it. */
  serverId: string
  now: Clock
}

/** Keys that appear together with their owner's row, or not at all. */
export interface PendingKeys {
  /**
   * Makes a key and hands it to `write`, which must write the owner's row and, if `pending`, remove the pending key
   * in the same transaction, answering `key_gone` if there was none. If that fails, the key is destroyed.
   * @throws ServiceError as `KeyStorage.generate` and `write` do; `hsm_unavailable` when the key was given up.
   */
  make<T extends object>(
    id: string,
    algorithm: StoredKey['algorithm'],
    write: (key: StoredKey, pending: boolean) => Promise<T | 'key_gone'>
  ): Promise<T>
  /**
   * Destroys what a crash left behind; called at start. Answers how many keys.
   * @throws ServiceError `hsm_unavailable`, `database_unavailable`.
   */
  recover(): Promise<number>
}

/**
 * A wrapped key lives in its owner's row alone, so a crash leaves nothing. A token object outlives a crash: its id is
 * written down before it is made. Giving a key up begins with removing that note, and so does keeping it; whoever
 * removes it decides. Therefore a key that is wrongly taken for an orphan costs its maker a failed request, never a
 * credential without a key.
 */
export function createPendingKeys(deps: PendingKeysDeps): PendingKeys {
  const { keys, keyStorage, pendingKeys, serverId, now } = deps

  const destroy = (id: string) => keys.destroy({ id, tokenKeyId: Buffer.from(id, 'utf8') })

  async function giveUp(id: string): Promise<void> {
    // Not removed by us: it was committed after all, or a restart of another server took it. Then it is not ours.
    if (await pendingKeys.remove(id)) await destroy(id)
  }

  return {
    async make(id, algorithm, write) {
      const pending = keyStorage === 'token'
      if (pending) await pendingKeys.add({ id, serverId, createdAt: now() })
      let written: Awaited<ReturnType<typeof write>>
      try {
        written = await write(await keys.generate(id, algorithm), pending)
      } catch (error) {
        // Where even this fails, the note stays and the next start cleans up.
        if (pending) await giveUp(id).catch(() => undefined)
        throw error
      }
      if (written !== 'key_gone') return written
      await destroy(id) // somebody else removed the note, and we wrote no row
      throw new ServiceError('hsm_unavailable', `key ${id} was given up meanwhile`, { retryAfterS: 1 })
    },

    async recover() {
      // Also with wrapped storage: the setting may have been another before.
      const oldest = new Date(now().getTime() - pendingMaxMs)
      for (const { id, serverId: maker, createdAt } of await pendingKeys.list()) {
        if (maker === serverId && createdAt > oldest) continue
        if (createdAt <= oldest || (await pendingKeys.makerIsGone(maker))) await pendingKeys.remove(id)
      }
      // Keys are listed before rows are read: a key that is seen here had its note before, so one that is being made
      // right now is found to be owned.
      const stored = await deps.storedTokenKeyIds()
      let destroyed = 0
      for (let start = 0; start < stored.length; start += chunk) {
        const tokenKeyIds = stored.slice(start, start + chunk)
        const owned = new Set(await pendingKeys.owned(tokenKeyIds.map(nameOf)))
        for (const tokenKeyId of tokenKeyIds) {
          const id = nameOf(tokenKeyId)
          if (owned.has(id)) continue
          await keys.destroy({ id, tokenKeyId })
          destroyed += 1
        }
      }
      return destroyed
    }
  }
}

/** CKA_ID is the key's name in UTF-8. What PostgreSQL could not compare is no name of ours. */
const nameOf = (tokenKeyId: Uint8Array): string =>
  Buffer.from(tokenKeyId).toString('utf8').replaceAll('\0', '')
