import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createApplicationLogins } from './access/application-logins.js'
import { createAccess } from './access/create.js'
import { openFactors } from './access/factors.js'
import { openLogins } from './access/logins.js'
import { createOAuth } from './access/oauth/create.js'
import { createPasswords } from './access/passwords.js'
import { createRefusals } from './access/refusals.js'
import { openTotp } from './access/totp.js'
import { createActivations } from './activation/activations.js'
import { createApprovals } from './activation/approvals.js'
import { openAudit } from './audit/open.js'
import { createRetention } from './audit/retention.js'
import type { Clock } from './clock.js'
import { closeAll } from './closing.js'
import type { Config } from './config.js'
import { notification } from './csc/v2/notification.js'
import { createDeliveries } from './delivery/deliveries.js'
import { createDocuments } from './documents/create.js'
import { createUploads } from './documents/uploads.js'
import { openWorkshop } from './documents/workshop.js'
import { createEnrolment } from './enrolment/create.js'
import { createDirectory } from './enrolment/directory.js'
import { createIntegrity } from './enrolment/integrity.js'
import type { ProviderPolicy } from './enrolment/needs.js'
import type { Ground } from './ground.js'
import { ceremonyWith } from './pki/ceremony.js'
import { openPki } from './pki/open.js'
import { findDialect, findProvider, findUnsupportedProvider, providers } from './providers/registry.js'
import { rememberOpen } from './signing/open-reservations.js'
import { createRecovery } from './signing/recovery.js'
import { createResponses } from './signing/responses.js'
import { createSigning } from './signing/sign.js'
import { createOutbox } from './simulation/outbox.js'
import { createAccessTokenStore } from './store/access-tokens.js'
import { createActivationCodeStore } from './store/activation-codes.js'
import { createActivationStore } from './store/activations.js'
import { createAuditStore } from './store/audit.js'
import { gatheringFor } from './store/batch.js'
import { openCheckpointFile } from './store/checkpoint-file.js'
import { createCredentialStore } from './store/credentials.js'
import { createDeliveryStore } from './store/deliveries.js'
import { createDeviceStore } from './store/devices.js'
import { createLockoutStore } from './store/lockouts.js'
import { createLoginCodeStore } from './store/login-codes.js'
import { openMonths } from './store/months.js'
import { createGrantStore } from './store/oauth-grants.js'
import { createAuthorizationStore } from './store/oauth-requests.js'
import { createOperatorStore } from './store/operators.js'
import { createOutboxStore } from './store/outbox.js'
import { createPendingKeyStore } from './store/pending-keys.js'
import { createPkiStore } from './store/pki.js'
import { createDocumentStore } from './store/prepared-documents.js'
import { createRelyingPartyStore } from './store/relying-parties.js'
import { createRequestNotes } from './store/request-notes.js'
import { createReservationStore } from './store/reservations.js'
import { createResponseStore } from './store/responses.js'
import { createRetentionStore } from './store/retention.js'
import { createSeals } from './store/seals.js'
import { createServerStore } from './store/servers.js'
import { createSessionStore } from './store/signing-sessions.js'
import { createSubscriberStore } from './store/subscribers.js'
import { createTotpStore } from './store/totp-secrets.js'
import { createTransactionStore } from './store/transactions.js'
import { createUploadStore } from './store/uploaded-files.js'
import { createUsedTokenIds } from './store/used-token-ids.js'
import { createTransactionSads } from './transactions/transaction-sads.js'
import { createTransactions } from './transactions/transactions.js'

/** Between two pages of old events, so that looking through them takes no more than a part of a core. */
const retentionPauseMs = 50

/** What the rooms of the middle floor need beside the ground. */
export interface MiddleOptions {
  ground: Ground
  config: Config
  log: Logger
  now: Clock
  /** UUIDv7, new with every start: names this process in audit, reservations and locks. */
  serverId: string
  publicUrl: string
  /** What the server is certified for under TLS; null or left out: it does not speak it. */
  serverNames?: readonly string[] | null
}

/** The middle floor, open. */
export type Middle = Awaited<ReturnType<typeof openMiddle>>

/** Hands every room what it needs, in the order in which they stand on each other. */
export async function openMiddle(options: MiddleOptions) {
  const { ground, config, log, now, serverId, publicUrl, serverNames = null } = options
  const { database, hsm } = ground
  const actor = `server:${serverId}`
  const months = await openMonths({ database, now, log })

  const checkpointKey = await hsm.tokenKey('audit', 'P-256')
  const checkpoints = await openCheckpointFile({ dataDir: config.dataDir, spki: checkpointKey.spki })
  const gatherMs = gatheringFor(hsm.keys.backlogMs)
  const audits = createAuditStore(database, months)
  const audit = await openAudit({
    serverId,
    store: audits,
    checkpointKey,
    now,
    log,
    appendCheckpoint: checkpoints.append,
    gatherMs
  })
  const servers = createServerStore(database)
  const reservations = rememberOpen({ store: createReservationStore(database, months, gatherMs), audit })
  const recovery = createRecovery({ servers, audit, now, serverId, oldestOpen: reservations.oldestOpen })
  await recovery.register()
  const removeOld = createRetention({
    store: createRetentionStore(database),
    audit,
    checkpointKey,
    now,
    log,
    serverId,
    days: config.retentionDays,
    pause: () => sleep(retentionPauseMs)
  })

  const pki = await openPki({
    hsm,
    store: createPkiStore(database),
    now,
    baseUrl: config.pkiUrl ?? publicUrl,
    log,
    serverNames,
    ceremony: ceremonyWith(providers.flatMap(({ authority }) => authority ?? []))
  })

  const seals = createSeals({ mac: hsm.mac })
  const access = await createAccess({
    relyingPartyStore: createRelyingPartyStore(database, seals),
    accessTokenStore: createAccessTokenStore(database),
    operatorStore: createOperatorStore(database, seals),
    secrets: hsm.secrets,
    audit,
    now,
    providers: providers.map(({ id }) => id),
    tokenTtlS: config.tokenTtlS,
    simulation: config.simulation
  })

  const subscribers = createSubscriberStore(database)
  const credentials = createCredentialStore(database)
  const devices = createDeviceStore(database)
  const integrity = createIntegrity({ seals, audit, now, actor })
  const directory = await createDirectory({
    subscribers,
    credentials,
    devices,
    integrity,
    listen: (on) => database.listen('directory', on),
    now
  })

  const passwords = createPasswords()
  const refusals = createRefusals({ audit })
  // Only the simulation has somewhere to send codes to.
  const codeSender = config.simulation ? createOutbox({ store: createOutboxStore(database), now }) : null
  const secretsTried = {
    lockoutStore: createLockoutStore(database),
    codeStore: createLoginCodeStore(database),
    codeSender,
    directory,
    relyingParty: access.relyingParty,
    passwords,
    mac: hsm.mac,
    audit,
    refusals,
    now,
    lockout: { attempts: config.lockoutAttempts, lockoutS: config.lockoutS }
  }
  const logins = openLogins(secretsTried)
  const factors = openFactors(secretsTried)
  const totp = openTotp({
    ...secretsTried,
    store: createTotpStore(database),
    secrets: hsm.secrets,
    issuerOf: (provider) => findProvider(provider)?.label ?? provider
  })

  const activationStore = createActivationStore(database, months)
  const approvals = createApprovals({ store: activationStore, directory, audit, actor })
  const activations = await createActivations({
    store: activationStore,
    sessions: createSessionStore(database),
    directory,
    access,
    factors,
    approvals,
    audit,
    now,
    actor,
    publicUrl,
    ttlS: (provider) => config.activationTtlS ?? findProvider(provider)?.limits.activationTtlS ?? 120,
    sadTtlS: config.sadTtlS
  })

  const oauth = createOAuth({
    requests: createAuthorizationStore(database),
    grants: createGrantStore(database),
    tokens: access,
    relyingParty: access.relyingParty,
    clientKey: access.clientKey,
    claimTokenId: createUsedTokenIds(database).claim,
    logins,
    directory,
    activations,
    activationOf: activationStore.find,
    asksPassword: (provider) => findProvider(provider)?.login.asksPassword ?? true,
    audit,
    now,
    tokenTtlS: config.tokenTtlS
  })

  const applicationLogins = createApplicationLogins({
    logins,
    relyingParties: access.relyingParties,
    access,
    grants: oauth,
    actor
  })

  const enrolment = createEnrolment({
    subscribers,
    credentials,
    devices,
    codes: createActivationCodeStore(database),
    pendingKeys: createPendingKeyStore(database),
    keys: hsm.keys,
    keyStorage: config.keyStorage,
    storedTokenKeyIds: () => hsm.storedTokenKeyIds(),
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
    providers: policyOf,
    hashPassword: passwords.hash,
    sendsCodes: codeSender !== null,
    serverId,
    simulation: config.simulation,
    // Whoever tries things out has one operator key; where it counts, nobody replaces a person's phone alone.
    replacementNeedsConsent: !config.simulation
  })

  const signing = createSigning({
    store: reservations.store,
    approvals,
    directory,
    keys: hsm.keys,
    audit: reservations.audit,
    now,
    serverId
  })

  const transactionStore = createTransactionStore(database)
  const responseStore = createResponseStore(database)
  const deliveries = createDeliveries({
    store: createDeliveryStore(database),
    transactionOf: async (id) => (await transactionStore.find(id)) ?? (await responseStore.asTransaction(id)),
    shapeOf: ({ dialect }) =>
      dialect === 'csc/v2' ? notification : (findDialect(dialect)?.callback ?? null),
    access,
    now,
    log,
    simulation: config.simulation,
    random: Math.random
  })
  const transactions = createTransactions({
    store: transactionStore,
    activations,
    activationOf: activationStore.find,
    signing,
    now,
    log,
    onDelivery: deliveries.wake
  })
  const responses = createResponses({
    store: responseStore,
    signing,
    relyingParty: access.relyingParty,
    now,
    log,
    onDelivery: deliveries.wake
  })

  const workshop = openWorkshop({ onTrouble: (why) => log.warn({ why }, 'a document could not be read') })
  const documents = createDocuments({
    store: createDocumentStore(database),
    workshop,
    now
  })

  const uploads = createUploads({ store: createUploadStore(database), now })

  return {
    audit,
    audits,
    months,
    /** Events and evidence first: a transaction without its activation is not found any more. */
    async removeOld() {
      await removeOld()
      if (config.retentionDays === null) return
      await transactionStore.purge(new Date(now().getTime() - config.retentionDays * 86_400_000))
    },
    recovery,
    pki,
    access,
    oauth,
    logins,
    applicationLogins,
    factors,
    totp,
    directory,
    activations,
    enrolment,
    signing,
    responses,
    transactions,
    sads: createTransactionSads({ mac: hsm.mac }),
    documents,
    uploads,
    deliveries,
    notes: createRequestNotes(database),
    /** The last audit events and the last checkpoint are written here. */
    close: () =>
      closeAll(
        [
          checkpoints.close,
          audit.close,
          recovery.unregister,
          pki.close,
          access.close,
          directory.close,
          activations.close,
          enrolment.close,
          refusals.close,
          deliveries.close,
          transactions.close,
          responses.close,
          workshop.close
        ],
        log
      )
  }
}

/** Null: nobody knows the name. */
function policyOf(id: string): ProviderPolicy | null {
  const provider = findProvider(id)
  if (provider !== null)
    return { label: provider.label, asksPassword: provider.login.asksPassword, unsupported: null }
  const known = findUnsupportedProvider(id)
  return known === null ? null : { label: known.label, asksPassword: false, unsupported: known.reason.en }
}
