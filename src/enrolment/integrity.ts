import { LRUCache } from 'lru-cache'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { SealedFields, SealedTable, Seals } from '../store/seals.js'

/** One row is reported once in this time, however often it is asked for. */
const reportEveryMs = 60_000
/** Rows remembered as reported. */
const reportedMax = 1_000

/** Believes a row only if its seal holds. */
export interface Integrity {
  /**
   * @returns Null when the seal holds; otherwise the error to throw, after it was audited.
   * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
   */
  fault(table: SealedTable, fields: SealedFields, seal: Uint8Array): Promise<ServiceError | null>
}

/** Audits a broken seal as `integrity.broken`, the same row at most once a minute. */
export function createIntegrity(deps: { seals: Seals; audit: Audit; now: Clock; actor: string }): Integrity {
  const { seals, audit, now, actor } = deps
  const reportedAt = new LRUCache<string, number>({ max: reportedMax })

  return {
    async fault(table, fields, seal) {
      if (await seals.holds(table, fields, seal)) return null
      const row = `${table} ${fields.id}`
      const at = now().getTime()
      if (at - (reportedAt.get(row) ?? Number.NEGATIVE_INFINITY) >= reportEveryMs) {
        reportedAt.set(row, at)
        const about = { table, id: fields.id, provider: fields.provider, detail: 'the seal does not hold' }
        await audit.record({ type: 'integrity.broken', actor, about })
      }
      return new ServiceError('integrity_broken', `the seal of ${row} does not hold`)
    }
  }
}
