import { v7 as uuidv7 } from 'uuid'
import { displayFault } from '../activation/display-text.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { type ErrorCode, ServiceError } from '../errors.js'
import type { Operator, OperatorRole } from './access.js'
import { newSecret, secretSha256 } from './client-secret.js'
import type { OperatorRecord, OperatorStore } from './needs.js'
import type { Refusals } from './refusals.js'

/** Begins every key that is made here, so that people and secret scanners recognise one. */
export const operatorKeyPrefix = 'kyso_op_'

/** An operator as operators see each other. */
export interface ListedOperator extends Operator {
  demo: boolean
  createdAt: Date
}

/** An operator and where it comes from. */
export interface OperatorLineage {
  name: string
  createdAt: Date
  /** The operator that made it, who made that one, and so on: ids. Empty: made by the seed or on the command line. */
  makers: readonly string[]
}

/** Operators that made each other, one after the other, at most. */
const lineMax = 32

/** The register of operators and their keys. `actor` is as in audit events. */
export interface OperatorRegister {
  /**
   * Makes an operator. The key is returned here and never again; only its SHA-256 is kept.
   * @param seededKey For the seed alone: the key that is the same on every machine.
   * @throws ServiceError `request_invalid`, `state_conflict` when the seeded key was given out before.
   */
  create(
    request: { name: string; role: OperatorRole },
    actor: string,
    seededKey?: string
  ): Promise<{ operator: ListedOperator; key: string }>
  /** In order of making, beginning after the id `after`; one whose seal is broken is listed as such. */
  list(of: { after: string | null; limit: number }): Promise<{ operator: ListedOperator; intact: boolean }[]>
  /**
   * Who an operator is and whose making, also of one who was removed. Null: there never was such an operator.
   * @throws ServiceError `integrity_broken`, also for one of those who made it; `permission_denied`: the line is longer
   *   than people need.
   */
  lineage(id: string): Promise<OperatorLineage | null>
  /**
   * The key stops working at once.
   * @throws ServiceError `not_found`, `integrity_broken`, `state_conflict` for the last administrator.
   */
  remove(id: string, actor: string): Promise<void>
  /**
   * Audits that a call was refused. Repeats are gathered, see `Refusals`.
   * @param of.operator Null: nobody proved who they are.
   * @param of.call Method and route, never a value from the request.
   */
  refused(of: { operator: Operator | null; code: ErrorCode; call: string | null }): Promise<void>
}

/** Characters of a name. It stands in lists and reports, and a device shows it with the question it asks. */
const nameMax = 128

/** Makes, proves and removes operators. Nothing is cached: a removed key is refused by the next call already. */
export function createOperators(deps: {
  store: OperatorStore
  audit: Audit
  refusals: Refusals
  now: Clock
}): OperatorRegister & { authenticateOperator(key: string): Promise<Operator> } {
  const { store, audit, refusals, now } = deps

  async function refused({
    operator,
    code,
    call
  }: Parameters<OperatorRegister['refused']>[0]): Promise<void> {
    const actor = operator === null ? 'anyone' : `operator:${operator.id}`
    await refusals.record(`operator API, ${actor}`, `${code} ${call ?? ''}`, {
      type: 'operator.refused',
      actor,
      about: { code, ...(operator && { role: operator.role }), ...(call !== null && { call }) }
    })
  }

  async function reportBroken(id: string): Promise<void> {
    await refusals.record('broken operators', id, {
      type: 'integrity.broken',
      actor: 'anyone',
      about: { table: 'operators', id, detail: 'the seal does not hold' }
    })
  }

  async function broken(id: string): Promise<never> {
    await reportBroken(id)
    throw new ServiceError('integrity_broken', `operator ${id}: the seal does not hold`)
  }

  /** Also a removed one. */
  async function existing(id: string): Promise<OperatorRecord | null> {
    const found = await store.find(id)
    if (found === null) return null
    return found.intact ? found.record : broken(id)
  }

  return {
    async create({ name: given, role }, actor, seededKey) {
      const name = given.normalize('NFC').trim()
      if (displayFault(name, nameMax) !== null) {
        const says = `A name has 1 to ${nameMax} visible characters.`
        throw new ServiceError('request_invalid', says, { says, field: 'name' })
      }
      const key = seededKey ?? `${operatorKeyPrefix}${newSecret()}`
      const createdAt = now()
      const record: OperatorRecord = {
        id: uuidv7({ msecs: createdAt.getTime() }),
        name,
        role,
        keySha256: secretSha256(key),
        demo: seededKey !== undefined,
        createdAt,
        createdBy: actor,
        removedAt: null,
        version: 1
      }
      if (!(await store.add(record)))
        throw new ServiceError('state_conflict', 'this operator key was given out before')
      await audit.record({ type: 'operator.created', actor, about: { operatorId: record.id, name, role } })
      return { operator: listed(record), key }
    },

    async lineage(id) {
      const first = await existing(id)
      if (first === null) return null
      const makers: string[] = []
      let { createdBy } = first
      while (createdBy.startsWith('operator:')) {
        if (makers.length >= lineMax)
          throw new ServiceError('permission_denied', `${id}: over ${lineMax} makers`)
        const maker = createdBy.slice('operator:'.length)
        makers.push(maker)
        const next = await existing(maker)
        if (next === null) break
        createdBy = next.createdBy
      }
      return { name: first.name, createdAt: first.createdAt, makers }
    },

    async list(of) {
      const found = await store.list(of)
      await Promise.all(found.filter(({ intact }) => !intact).map(({ record }) => reportBroken(record.id)))
      return found.map(({ record, intact }) => ({ operator: listed(record), intact }))
    },

    async remove(id, actor) {
      const removed = await store.remove(id, now())
      if (removed === 'broken') return broken(id)
      if (removed === 'unknown') throw new ServiceError('not_found', `no operator ${id}`)
      if (removed === 'last-administrator') {
        throw new ServiceError('state_conflict', `operator ${id} is the last administrator`, {
          says: 'The last administrator cannot be removed.'
        })
      }
      await audit.record({ type: 'operator.removed', actor, about: { operatorId: id } })
    },

    refused,

    async authenticateOperator(key) {
      // The lookup by hash is the comparison: how long it takes says nothing about the key behind another hash.
      const found = await store.findByKey(secretSha256(key))
      if (found?.intact === false) return broken(found.record.id)
      if (found === null || found.record.removedAt !== null) {
        await refused({ operator: null, code: 'authentication_failed', call: null })
        throw new ServiceError('authentication_failed', 'no operator has this key')
      }
      const { id, name, role } = found.record
      return { id, name, role }
    }
  }
}

function listed({ id, name, role, demo, createdAt }: OperatorRecord): ListedOperator {
  return { id, name, role, demo, createdAt }
}
