import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { createAccess } from '../../src/access/create.js'
import type { RelyingPartyRequest } from '../../src/access/relying-parties.js'
import { createChainWriter } from '../../src/audit/writer.js'
import { createDeliveries, type DeliveriesDeps } from '../../src/delivery/deliveries.js'
import type { CallbackShape, Deliveries, Delivery } from '../../src/delivery/delivery.js'
import type { DeliveryStore } from '../../src/delivery/needs.js'
import { openHsm } from '../../src/hsm/open.js'
import { findSoftHsmModule, prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { createAccessTokenStore } from '../../src/store/access-tokens.js'
import { createAuditStore } from '../../src/store/audit.js'
import { createDeliveryStore } from '../../src/store/deliveries.js'
import { startEmbeddedPostgres } from '../../src/store/embedded.js'
import { migrate } from '../../src/store/migrate.js'
import { openDatabase } from '../../src/store/open.js'
import { createOperatorStore } from '../../src/store/operators.js'
import { createRelyingPartyStore } from '../../src/store/relying-parties.js'
import { createSeals } from '../../src/store/seals.js'
import { createTransactionStore } from '../../src/store/transactions.js'
import type { Test } from './receiver.js'

export const by = 'operator:tester'

/** A dialect's callback without a first step. */
export const plain: CallbackShape = {
  body: ({ id, state }) => ({ transaction: id, state }),
  acknowledges: ({ status, body }) => status === 200 && JSON.stringify(body) === '{"ok":true}',
  token: null
}

/** One that fetches a token first. */
export const twoStep: CallbackShape = {
  ...plain,
  token: {
    query: ({ clientId, clientSecret }) => ({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret
    }),
    read: ({ body }) =>
      typeof body === 'object' && body !== null && 'token' in body && typeof body.token === 'string'
        ? body.token
        : null
  }
}

/** A real token and database, and as many servers' queues over them as a test opens; all ended with `t`. */
export async function startWorld(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-delivery-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const log = pino({ level: 'silent' })
  let at = new Date('2026-07-01T08:00:00Z')
  const now = () => at

  const postgres = await startEmbeddedPostgres({ dataDir: folder, log })
  t.teardown(() => postgres.stop())
  await migrate({ connection: postgres.connection, log, now })
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
      keyStorage: 'wrapped',
      workers: 1,
      keyCacheSize: 10,
      lockPath
    },
    () => undefined
  )
  t.teardown(() => hsm.close())
  const database = await openDatabase({ connection: postgres.connection, log, poolSize: 8 })
  t.teardown(() => database.close())
  const seals = createSeals({ mac: hsm.mac })
  const writer = createChainWriter({
    chain: uuidv7({ msecs: at.getTime() }),
    store: createAuditStore(database),
    now,
    log
  })
  const access = await createAccess({
    relyingPartyStore: createRelyingPartyStore(database, seals),
    accessTokenStore: createAccessTokenStore(database),
    operatorStore: createOperatorStore(database, seals),
    secrets: hsm.secrets,
    audit: {
      record: (...events) => writer.record(events),
      recordEnding: (ending, ...events) => writer.recordEnding(ending, events),
      recordWith: writer.recordWith
    },
    now,
    providers: ['vnpt', 'viettel'],
    tokenTtlS: 3600,
    simulation: true
  })
  t.teardown(() => access.close())
  const transactions = createTransactionStore(database)

  /** The queue of a server process. @param over.wrap Puts something between it and the database. */
  function openServer(
    over: Partial<DeliveriesDeps> & { wrap?: (store: DeliveryStore) => DeliveryStore } = {}
  ): Deliveries {
    const store = createDeliveryStore(database)
    const deliveries = createDeliveries({
      store: over.wrap?.(store) ?? store,
      transactionOf: transactions.find,
      shapeOf: () => plain,
      access,
      now,
      log,
      simulation: true,
      random: () => 0.5,
      ...over
    })
    t.teardown(() => deliveries.close())
    return deliveries
  }
  const reader = openServer()

  /** An outcome, recorded as the core records it: with what is to be delivered. Answers the transaction's id. */
  async function finish({ provider, clientId }: { provider: string; clientId: string }, url: string | null) {
    const id = uuidv7({ msecs: at.getTime() })
    await database.query({
      text: `
        insert into activations (id, provider, client_id, subscriber_id, kind, status, relying_party_name, num_signatures,
          digests, document_names, description, nonce, created_at, expires_at, occurrences)
        values ($1, $2, $3, 's', 'digests', 'rejected', 'Cổng', 1, $4, '{}', '', 'n', $5, $5, '0')`,
      values: [id, provider, clientId, Buffer.alloc(32), at]
    })
    const owner = { provider, clientId, subscriberId: 's', credentialId: 'c' }
    const said = { dialect: 'test', name: null, requestId: id, documents: [], description: '', details: {} }
    const request = { ...owner, ...said, callbackUrl: url }
    await transactions.insert(database, { id, request, requestSha256: Buffer.alloc(32), createdAt: at })
    await transactions.finish({ id, outcome: 'rejected', reason: 'no', signatures: null, endedAt: at })
    return id
  }

  return {
    access,
    now,
    reader,
    openServer,
    finish,
    register: async (over: Partial<RelyingPartyRequest> = {}) =>
      access.relyingParties.create(
        { provider: 'vnpt', name: 'Cổng', callbackUrls: ['loopback'], ...over },
        by
      ),
    list: (over: Partial<Parameters<Deliveries['list']>[0]> = {}) => reader.list({ ...everything, ...over }),
    async one(transactionId: string): Promise<Delivery> {
      const [delivery] = await reader.list({ ...everything, transactionId })
      if (delivery === undefined) throw new Error('nothing is to be delivered')
      return delivery
    },
    moveTo(time: Date) {
      at = time
    },
    moveBy(ms: number) {
      at = new Date(at.getTime() + ms)
    }
  }
}

const everything = {
  provider: null,
  clientId: null,
  transactionId: null,
  status: null,
  after: null,
  limit: 200
}

/** Waits until `holds`, at most 10 s. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await sleep(10)) {
    if (await holds()) return true
  }
  return false
}
