import type pg from 'pg'
import { ServerProcess } from '../../clients/server-process.js'

/** SQLSTATE. */
const deadlockDetected = '40P01'
/** The advisory lock at which a victim is held. */
const held = 4711

/** One write, as a trigger can name it. */
export interface Place {
  name: string
  table: string
  event: 'insert' | 'update'
  /** A condition over `new` and `old`. */
  when?: string
}

/** The moment before an audit event of this type. */
export const event = (type: string): Place => ({
  name: `the event ${type}`,
  table: 'audit_events',
  event: 'insert',
  when: `new.type = '${type}'`
})

export type Victim = 'server' | 'postgres'

/**
 * Runs `work` until it is held at `place`, kills the victim there, and brings the house back up.
 * @returns The server that runs afterwards.
 */
export async function killAt(
  { server, dataDir, env }: { server: ServerProcess; dataDir: string; env?: Record<string, string> },
  place: Place,
  victim: Victim,
  work: () => Promise<unknown>
): Promise<ServerProcess> {
  const holder = await server.sql()
  await holder.query('select pg_advisory_lock($1)', [held])
  await arm(holder, place)
  const outcome = work().catch(() => null) // a connection that breaks is no acknowledgement
  await untilHeld(holder)
  if (victim === 'server') {
    await server.kill()
    // The statement was sent: the database may well carry it out for a dead server.
    await holder.query('select pg_advisory_unlock($1)', [held])
    await outcome
    await disarm(holder)
    await holder.end()
    const next = await ServerProcess.start(dataDir, env)
    await next.ready()
    return next
  }
  server.killPostgres()
  await outcome
  await holder.end().catch(() => undefined)
  await server.ready()
  const again = await server.sql()
  await disarm(again)
  await again.end()
  await server.ready()
  return server
}

/** From now on whoever comes to the place waits there. */
async function arm(sql: pg.Client, { table, event, when }: Place): Promise<void> {
  await sql.query(`
    create or replace function hold_here() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_lock_shared(${held});
      perform pg_advisory_unlock_shared(${held});
      return new;
    end $$`)
  const condition = when === undefined ? '' : `when (${when})`
  await sql.query(
    `create trigger hold_here before ${event} on ${table} for each row ${condition} execute function hold_here()`
  )
}

/** A server that goes on meanwhile may hold what this wants, and want what this holds: then it is tried again. */
async function disarm(sql: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await sql.query('drop function if exists hold_here() cascade')
      return
    } catch (error) {
      if ((error as { code?: string }).code !== deadlockDetected || attempt === 10) throw error
    }
  }
}

/** Waits until somebody waits for the lock. */
async function untilHeld(sql: pg.Client): Promise<void> {
  for (let turn = 0; turn < 400; turn += 1) {
    const { rows } = await sql.query(
      `select 1 from pg_locks where locktype = 'advisory' and objid = ${held} and not granted`
    )
    if (rows.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('nothing arrived at the place where it should be killed')
}
