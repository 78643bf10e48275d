import { LRUCache } from 'lru-cache'
import { v7 as uuidv7 } from 'uuid'
import type { Activations } from '../activation/activation.js'
import type { Approvals } from '../activation/approvals.js'
import { displayText } from '../activation/display-text.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { Seals } from '../store/seals.js'
import { codeReference, codeSha256, newCode } from './code-text.js'
import type { LocalDirectory } from './directory.js'
import type { Integrity } from './integrity.js'
import type {
  ActivationCode,
  ActivationCodeStore,
  Consent,
  DeviceStore,
  OperatorLookup,
  ProviderPolicy,
  StoredActivationCode
} from './needs.js'
import { activationCodeFields, deviceFields } from './sealed-fields.js'
import { isStorable } from './texts.js'

/** How long a code may be used. */
const codeLifetimeMs = 24 * 3_600_000
/** Codes of one subscriber that may be open at once. */
export const openCodesMax = 5
/** Questions whose answer is listened for; of others it is noted when the code is used. */
const questionsMax = 10_000
/** Of the name of an operator, in the question. */
const nameShownMax = 100
/** How often a change of a code is tried again because another came first. */
const attemptsMax = 5

/** A code as its maker is told; `code` is shown this once. */
export interface CreatedActivationCode {
  id: string
  code: string
  expiresAt: Date
  consent: Consent
}

/** What activation codes stand on. */
export interface ActivationCodesDeps {
  codes: ActivationCodeStore
  devices: Pick<DeviceStore, 'lastRemovedOf'>
  operators: OperatorLookup
  /** Null: no such provider. */
  providers: (id: string) => ProviderPolicy | null
  directory: LocalDirectory
  activations: Pick<Activations, 'askForDevice' | 'watchAll'>
  /** Verifies a device's answer before it is believed. */
  approvals: Pick<Approvals, 'get'>
  integrity: Integrity
  seals: Seals
  audit: Audit
  now: Clock
  /** Whether a device in the place of one that an operator removed needs a second operator. */
  replacementNeedsConsent: boolean
}

/** Codes as the rest of this room sees them. */
export interface ActivationCodes {
  /**
   * Makes a code that enrols one device within 24 h. If the subscriber has a device, the registered ones are asked
   * to consent. If it had one, and the last was removed by somebody else than itself, a second operator must consent:
   * otherwise one operator alone could put a phone of his own in its place. Virtual phones do not count as removed.
   * @throws ServiceError `not_found`, `too_many_requests` (5 open codes), `challenges_too_many`.
   */
  createActivationCode(subscriberId: string, by: { operatorId: string }): Promise<CreatedActivationCode>
  /**
   * A second operator consents in place of a registered device: one that is older than the code, and not made by the
   * one who made it, nor by somebody that one made.
   * @throws ServiceError `not_found` (also when it was used or has expired), `permission_denied`, `state_conflict` (no consent is needed, or the person said no).
   */
  approveActivationCode(id: string, by: { operatorId: string }): Promise<Omit<CreatedActivationCode, 'code'>>
  /**
   * The code that was entered at `provider`, with its consent as it stands now.
   * @throws ServiceError `activation_code_invalid`, the same for every reason; `integrity_broken`.
   */
  entered(provider: string, code: string): Promise<StoredActivationCode>
  /** Reads the code again and notes what the registered devices have answered meanwhile. */
  settled(id: string): Promise<StoredActivationCode>
  /** Makes a code that was made for a first device wait for consent, and asks the registered ones if it is theirs. */
  requireConsent(stored: StoredActivationCode, of: 'devices' | 'operator'): Promise<StoredActivationCode>
  /**
   * The device of a subscriber that was removed last, and whether by itself, that is, by its owner; virtual ones do not
   * count. @throws ServiceError `integrity_broken`.
   */
  lastRemovedOf(subscriberId: string): Promise<{ id: string; byItself: boolean } | null>
  /** Stops listening for answers. */
  close(): void
}

/** See `ActivationCodes`. */
export function createActivationCodes(deps: ActivationCodesDeps): ActivationCodes {
  const { codes, operators, directory, activations, approvals, integrity, seals, audit, now } = deps

  async function believed(stored: StoredActivationCode): Promise<StoredActivationCode> {
    const fault = await integrity.fault('activation_codes', activationCodeFields(stored.row), stored.seal)
    if (fault !== null) throw fault
    return stored
  }

  async function read(id: string): Promise<StoredActivationCode> {
    const stored = isStorable(id) ? await codes.byId(id) : null
    if (stored === null) throw new ServiceError('not_found', `no activation code ${id}`)
    return believed(stored)
  }

  const sealed = async (row: ActivationCode) => ({
    row,
    seal: await seals.seal('activation_codes', activationCodeFields(row))
  })

  /** Writes `row` over what was read. Null: someone was faster. */
  async function rewritten(
    stored: StoredActivationCode,
    row: ActivationCode
  ): Promise<StoredActivationCode | null> {
    const next = await sealed(row)
    return (await codes.setConsent(next, stored.seal)) ? { ...stored, ...next } : null
  }

  async function consented(row: ActivationCode, by: string): Promise<void> {
    const { id, subscriberId, provider, consent } = row
    await audit.record({
      type: 'activation-code.consented',
      actor: by,
      about: { activationCodeId: id, subscriberId, provider, consent }
    })
  }

  /** What the registered devices have answered, or null while they have not. */
  async function answer({
    row,
    question
  }: StoredActivationCode): Promise<{ consent: Consent; by: string | null } | null> {
    if (question === null || row.consentActivationId === null) return null
    if (question.status === 'confirmed' || question.status === 'spent') {
      const approval = await approvals.get(row.consentActivationId, {
        provider: row.provider,
        clientId: `operator:${row.createdBy}`
      })
      const about = approval?.activation
      if (approval === null || about?.kind !== 'device' || about.subscriberId !== row.subscriberId)
        return null
      return { consent: 'given', by: `device:${approval.deviceId}` }
    }
    const open = question.status === 'waiting' && question.expiresAt > now()
    return open ? null : { consent: 'refused', by: null }
  }

  async function settle(first: StoredActivationCode): Promise<StoredActivationCode> {
    let stored = first
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      if (stored.row.consent !== 'waiting' || stored.row.usedAt !== null) return stored
      const answered = await answer(stored)
      if (answered === null) return stored
      const next = await rewritten(stored, {
        ...stored.row,
        consent: answered.consent,
        consentBy: answered.by
      })
      if (next !== null) {
        questions.delete(stored.row.consentActivationId ?? '')
        if (answered.by !== null) await consented(next.row, answered.by)
        return next
      }
      stored = await read(stored.row.id)
    }
    return stored
  }

  /** Puts the question to the registered devices, with what their owner can compare with what an operator says. */
  async function ask(of: Pick<ActivationCode, 'id' | 'subscriberId' | 'provider'>, operatorId: string) {
    const { subscriberId, provider } = of
    const name = displayText((await operators.lineage(operatorId))?.name ?? operatorId, nameShownMax)
    const reference = codeReference(of.id)
    return activations.askForDevice({
      subscriberId,
      provider,
      operatorId,
      relyingPartyName: deps.providers(provider)?.label ?? provider,
      description:
        `Thêm một thiết bị ký số vào tài khoản này. Người yêu cầu: ${name}. Số hiệu mã kích hoạt: ${reference}. / ` +
        `Add a signing device to this account. Asked for by: ${name}. Activation code reference: ${reference}.`
    })
  }

  async function lastRemovedOf(subscriberId: string): Promise<{ id: string; byItself: boolean } | null> {
    const last = await deps.devices.lastRemovedOf(subscriberId)
    if (last === null) return null
    const fault = await integrity.fault('devices', deviceFields(last.row), last.seal)
    if (fault !== null) throw fault
    const { id, removedBy } = last.row
    return { id, byItself: !deps.replacementNeedsConsent || removedBy === `device:${id}` }
  }

  /** @throws ServiceError `permission_denied`. */
  async function requireSecondOperator(code: ActivationCode, operatorId: string): Promise<void> {
    const approver = operatorId === code.createdBy ? null : await operators.lineage(operatorId)
    const makers = approver?.makers ?? []
    if (approver !== null && approver.createdAt < code.createdAt && !makers.includes(code.createdBy)) return
    throw new ServiceError('permission_denied', `${operatorId} is no second operator for ${code.id}`, {
      says: 'Another operator than the one who made the activation code must approve it, one that is older than the code and was not made by that operator.'
    })
  }

  // A confirmation is good for some minutes, a code for a day: the answer is noted as soon as it is heard.
  const questions = new LRUCache<string, string>({ max: questionsMax })
  const heard = (codeId: string | undefined) => {
    // What fails here is tried again when the code is used.
    if (codeId !== undefined)
      void read(codeId)
        .then(settle)
        .catch(() => undefined)
  }
  const close = activations.watchAll((_, change) => {
    if (change.kind === 'ended') heard(questions.get(change.activationId))
    if (change.kind === 'missed') for (const codeId of questions.values()) heard(codeId)
  })

  return {
    async createActivationCode(subscriberId, { operatorId }) {
      const subscriber = await directory.subscriber(subscriberId)
      if (subscriber === null) throw new ServiceError('not_found', `no subscriber ${subscriberId}`)
      const at = now()
      // Asked before the devices are disturbed; `insert` counts again.
      if ((await codes.countOpen(subscriberId, at)) >= openCodesMax) throw tooMany(subscriberId)
      const { provider } = subscriber
      const devices = await directory.devicesOf(subscriberId)
      const id = uuidv7({ msecs: at.getTime() })
      const question = devices.length === 0 ? null : await ask({ id, subscriberId, provider }, operatorId)
      const replaces = question === null && (await lastRemovedOf(subscriberId))?.byItself === false
      const code = newCode()
      const sha256 = codeSha256(code)
      if (sha256 === null) throw new TypeError('a code that was just made does not read as one')
      const row: ActivationCode = {
        id,
        codeSha256: sha256,
        subscriberId,
        provider,
        createdBy: operatorId,
        createdAt: at,
        expiresAt: new Date(at.getTime() + codeLifetimeMs),
        consent: question === null && !replaces ? 'not-needed' : 'waiting',
        consentBy: null,
        consentActivationId: question?.id ?? null,
        usedAt: null,
        usedByDeviceId: null
      }
      if (!(await codes.insert(await sealed(row), openCodesMax))) throw tooMany(subscriberId)
      const { expiresAt, consent } = row
      if (question !== null) {
        questions.set(question.id, id)
        heard(id) // it may have been answered before we listened
      }
      await audit.record({
        type: 'activation-code.created',
        actor: `operator:${operatorId}`,
        about: {
          activationCodeId: id,
          subscriberId,
          provider,
          consent,
          consentActivationId: row.consentActivationId,
          expiresAt: expiresAt.toISOString()
        }
      })
      return { id, code, expiresAt, consent }
    },

    async approveActivationCode(id, { operatorId }) {
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        const stored = await settle(await read(id))
        const { row, question } = stored
        if (row.usedAt !== null || row.expiresAt <= now()) {
          throw new ServiceError('not_found', `activation code ${id} was used or has expired`)
        }
        await requireSecondOperator(row, operatorId)
        if (row.consent === 'not-needed' || row.consent === 'given' || question?.status === 'rejected') {
          throw notApprovable(row, question?.status === 'rejected')
        }
        const by = `operator:${operatorId}`
        const next = await rewritten(stored, { ...row, consent: 'given', consentBy: by })
        if (next === null) continue
        await consented(next.row, by)
        return { id, expiresAt: row.expiresAt, consent: next.row.consent }
      }
      throw new ServiceError('state_conflict', `activation code ${id} is being changed by others`)
    },

    async entered(provider, code) {
      const sha256 = codeSha256(code)
      const stored = sha256 === null ? null : await codes.byCodeSha256(sha256)
      if (stored === null || stored.row.provider !== provider) {
        throw new ServiceError('activation_code_invalid', 'unknown, or of another provider')
      }
      await believed(stored)
      if (stored.row.usedAt !== null || stored.row.expiresAt <= now()) {
        throw new ServiceError('activation_code_invalid', `${stored.row.id} was used or has expired`)
      }
      return settle(stored)
    },

    settled: async (id) => settle(await read(id)),

    async requireConsent(stored, of) {
      const { row } = stored
      const question = of === 'operator' ? null : await ask(row, row.createdBy)
      await rewritten(stored, { ...row, consent: 'waiting', consentActivationId: question?.id ?? null })
      if (question !== null) questions.set(question.id, row.id)
      return settle(await read(row.id))
    },

    lastRemovedOf,

    close
  }
}

function tooMany(subscriberId: string): ServiceError {
  return new ServiceError('too_many_requests', `${subscriberId} has ${openCodesMax} open activation codes`, {
    says: `The subscriber has ${openCodesMax} activation codes that were neither used nor have expired.`
  })
}

function notApprovable({ id, consent }: ActivationCode, rejected: boolean): ServiceError {
  const says = rejected
    ? 'The subscriber rejected the further device on a registered one.'
    : consent === 'given'
      ? 'Consent to the further device has been given.'
      : 'The activation code needs no consent.'
  return new ServiceError('state_conflict', `approval of ${id}, whose consent is ${consent}`, {
    says,
    state: rejected ? 'refused' : consent
  })
}
