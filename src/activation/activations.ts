import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Access } from '../access/access.js'
import type { Factors } from '../access/factors.js'
import type { Audit, AuditEvent } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Directory } from '../enrolment/enrolment.js'
import { ServiceError } from '../errors.js'
import { hashes } from '../hsm/hashes.js'
import type { Activation, Activations } from './activation.js'
import { createAnswered } from './answered.js'
import type { Approvals } from './approvals.js'
import { openActivation } from './ask.js'
import { challengeOf } from './challenge.js'
import { confirmActivation } from './confirm.js'
import { displayText } from './display-text.js'
import { createExpiring } from './expiring.js'
import type { ActivationStore, SessionStore } from './needs.js'
import { createSads } from './sads.js'
import { createSessions } from './sessions.js'
import { challengeEnded, requireWaiting } from './standing.js'
import { createWatchers } from './watchers.js'

/** What this room stands on. `server.ts` hands it in. */
export interface ActivationsDeps {
  store: ActivationStore
  sessions: SessionStore
  directory: Pick<Directory, 'credential' | 'freshCredential' | 'device'>
  access: Pick<Access, 'relyingParty'>
  factors: Pick<Factors, 'require'>
  approvals: Approvals
  audit: Audit
  now: Clock
  /** `server:<id>`, the actor of what happens by the clock. */
  actor: string
  publicUrl: string
  /** Seconds a challenge of this provider waits. */
  ttlS: (provider: string) => number
  sadTtlS: number
}

/** Ask, challenge, confirm, SAD: see `Activations` for what each call promises. */
export async function createActivations(deps: ActivationsDeps): Promise<Activations & { close(): void }> {
  const { store, directory, audit, now, publicUrl } = deps
  const watchers = await createWatchers(store)
  const expire = createExpiring(deps)

  async function refused(error: unknown, about: AuditEvent['about'], actor: string): Promise<never> {
    if (error instanceof ServiceError) {
      await audit.record({ type: 'activation.refused', actor, about: { ...about, code: error.code } })
    }
    throw error
  }

  return {
    async ask(request, alongside) {
      const actor = `relying-party:${request.provider}/${request.clientId}`
      const about = {
        provider: request.provider,
        clientId: request.clientId,
        credentialID: request.credentialId
      }
      const activation = await openActivation(deps, request, alongside).catch((error: unknown) =>
        refused(error, about, actor)
      )
      await audit.record({ type: 'activation.asked', actor, about: asked(activation) })
      return activation
    },

    async askForDevice({ subscriberId, provider, operatorId, relyingPartyName, description }) {
      const at = now()
      const activation: Activation = {
        id: uuidv7({ msecs: at.getTime() }),
        provider,
        clientId: `operator:${operatorId}`,
        subscriberId,
        credentialId: null,
        kind: 'device',
        status: 'waiting',
        relyingPartyName: displayText(relyingPartyName, 200),
        hash: null,
        numSignatures: 0,
        digests: [],
        documentNames: [],
        description: displayText(description, 500),
        validUntil: null,
        nonce: randomBytes(32).toString('base64url'),
        createdAt: at,
        expiresAt: new Date(at.getTime() + deps.ttlS(provider) * 1000),
        confirmedAt: null,
        endedAt: null,
        endedReason: null,
        occurrences: ''
      }
      const result = await store.open(activation, { perSubscriber: 20, perRelyingParty: 20 })
      if (result !== 'opened') throw new ServiceError(result, `consent of ${subscriberId}: ${result}`)
      await audit.record({
        type: 'activation.asked',
        actor: `operator:${operatorId}`,
        about: asked(activation)
      })
      return activation
    },

    ...createSads(deps),
    ...createSessions(deps),
    answered: createAnswered({ store, watchers, now }),

    async waitingFor(subscriberId) {
      const waiting = await store.waitingFor(subscriberId, now())
      return waiting.map((activation) => challengeOf(activation, publicUrl))
    },

    confirm: (by) => confirmActivation(deps, by),

    async reject({ deviceId, activationId, reason }) {
      const device = await directory.device(deviceId)
      const activation = await store.find(activationId)
      if (device === null || activation?.subscriberId !== device.subscriberId) {
        throw new ServiceError('not_found', `no challenge ${activationId} for ${deviceId}`)
      }
      const at = now()
      requireWaiting(activation, at)
      const says = reason === null ? null : displayText(reason, 200)
      if (!(await store.reject({ activationId, reason: says, now: at }))) {
        throw challengeEnded((await store.find(activationId))?.status ?? 'cancelled')
      }
      await audit.record({
        type: 'activation.rejected',
        actor: `device:${deviceId}`,
        about: { activationId, subscriberId: device.subscriberId, reason: says }
      })
    },

    watch: (subscriberId, on) => watchers.one(subscriberId, on),
    watchAll: (on) => watchers.all(on),

    expire,

    close: () => watchers.close()
  }
}

function asked(activation: Activation): AuditEvent['about'] {
  return {
    activationId: activation.id,
    kind: activation.kind,
    provider: activation.provider,
    clientId: activation.clientId,
    subscriberId: activation.subscriberId,
    credentialID: activation.credentialId,
    hashAlgorithmOID: activation.hash === null ? null : hashes[activation.hash].oid,
    digests: activation.digests.map(base64),
    numSignatures: activation.numSignatures,
    validUntil: activation.validUntil?.toISOString() ?? null,
    expiresAt: activation.expiresAt.toISOString()
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
