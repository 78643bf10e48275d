import type { ReadRelyingParty, RelyingPartyRecord, RelyingPartyStore } from '../access/needs.js'
import { cancelActivations, cancelledOf } from './cancel-activations.js'
import type { Database, Queryable } from './database.js'
import type { SealedFields, Seals } from './seals.js'
import { againAfterDeadlock } from './violated-constraint.js'

/** Announces `provider clientId` of every row that changed. */
const channel = 'relying-parties'

interface Row {
  provider: string
  client_id: string
  name: string
  secret_sha256: Buffer
  redirect_uris: string[]
  callback_urls: string[]
  callback_auth_url: string | null
  callback_auth_secret: Buffer | null
  mode: 'strict' | 'lenient'
  demo: boolean
  created_at: Date
  removed_at: Date | null
  version: number
  seal: Buffer
}

const columns = `provider, client_id, name, secret_sha256, redirect_uris, callback_urls, callback_auth_url,
  callback_auth_secret, mode, demo, created_at, removed_at, version, seal`

/** Relying parties, sealed when they are written and checked when they are read. */
export function createRelyingPartyStore(
  db: Database,
  seals: Seals
): RelyingPartyStore & { holdsDemo(): Promise<boolean> } {
  async function checked(row: Row): Promise<ReadRelyingParty> {
    const record = recordOf(row)
    return { record, intact: await seals.holds('relying_parties', sealedFields(record), row.seal) }
  }

  /** The values in the order of `columns`. */
  async function valuesOf(record: RelyingPartyRecord): Promise<unknown[]> {
    const seal = await seals.seal('relying_parties', sealedFields(record))
    const { provider, clientId, name, secretSha256, redirectUris, callbackUrls, callbackAuthUrl } = record
    const { callbackAuthSecret, mode, demo, createdAt, removedAt, version } = record
    return [
      ...[provider, clientId, name, secretSha256, redirectUris, callbackUrls, callbackAuthUrl],
      ...[callbackAuthSecret, mode, demo, createdAt, removedAt, version, seal]
    ]
  }

  return {
    async add(record) {
      const { rowCount } = await db.query({
        text: `
          insert into relying_parties (${columns})
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
          on conflict (provider, client_id) do nothing`,
        values: await valuesOf(record)
      })
      return rowCount === 1
    },

    async find(provider, clientId) {
      const { rows } = await db.query<Row>({
        name: 'relying-party-find',
        text: `select ${columns} from relying_parties where provider = $1 and client_id = $2`,
        values: [provider, clientId]
      })
      return rows[0] === undefined ? null : checked(rows[0])
    },

    replace: async (record) => write(db, await valuesOf(record)),

    async remove(record, { reason, at }, recordIn) {
      const values = await valuesOf(record)
      const { provider, clientId } = record
      return againAfterDeadlock(() =>
        db.transaction(async (tx) => {
          if (!(await write(tx, values))) return false
          const cancelled = await cancelActivations(tx, { relyingParty: { provider, clientId } }, reason, at)
          await recordIn(tx, cancelled.map(cancelledOf))
          return true
        })
      )
    },

    async list({ provider, after, limit }) {
      const { rows } = await db.query<Row>({
        text: `
          select ${columns}
            from relying_parties
           where removed_at is null
             and ($1::text is null or provider = $1)
             and ($2::text is null or (provider, client_id) > ($2, $3::text))
           order by provider, client_id
           limit $4`,
        values: [provider, after?.provider ?? null, after?.clientId ?? null, limit]
      })
      return Promise.all(rows.map(checked))
    },

    watch: (on) =>
      db.listen(channel, (payload) => {
        const [provider, clientId] = payload?.split(' ') ?? []
        on(provider === undefined || clientId === undefined ? null : { provider, clientId })
      }),

    /** Whether a relying party of the demo seed can still be used. */
    async holdsDemo() {
      const { rows } = await db.query<{ holds: boolean }>({
        text: 'select exists (select from relying_parties where demo and removed_at is null) as holds'
      })
      return rows[0]?.holds === true
    }
  }
}

/** Over the row of the version before it. @param values In the order of `columns`. */
async function write(on: Queryable, values: unknown[]): Promise<boolean> {
  const { rowCount } = await on.query({
    text: `
      with changed as (
        update relying_parties
           set name = $3, secret_sha256 = $4, redirect_uris = $5, callback_urls = $6, callback_auth_url = $7,
               callback_auth_secret = $8, mode = $9, demo = $10, created_at = $11, removed_at = $12, version = $13,
               seal = $14
         where provider = $1 and client_id = $2 and version = $13 - 1 and removed_at is null
        returning provider, client_id)
      select pg_notify('${channel}', provider || ' ' || client_id) from changed`,
    values
  })
  return rowCount === 1
}

function recordOf(row: Row): RelyingPartyRecord {
  return {
    provider: row.provider,
    clientId: row.client_id,
    name: row.name,
    secretSha256: row.secret_sha256,
    redirectUris: row.redirect_uris,
    callbackUrls: row.callback_urls,
    callbackAuthUrl: row.callback_auth_url,
    callbackAuthSecret: row.callback_auth_secret,
    mode: row.mode,
    demo: row.demo,
    createdAt: row.created_at,
    removedAt: row.removed_at,
    version: row.version
  }
}

/** The whole row: there is nothing in it that may change unseen. */
function sealedFields({ clientId, ...rest }: RelyingPartyRecord): SealedFields {
  return { id: clientId, ...rest }
}
