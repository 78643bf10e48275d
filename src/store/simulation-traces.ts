import type { Queryable } from './database.js'

/** What only the simulation makes, and what of it can still be used. */
export interface SimulationTraces {
  operators: boolean
  relyingParties: boolean
  subscribers: boolean
  virtualDevices: boolean
}

/** Looks for traces of the simulation in the database. */
export async function findSimulationTraces(db: Queryable): Promise<SimulationTraces> {
  const { rows } = await db.query<SimulationTraces>({
    text: `select exists (select from operators where demo and removed_at is null) as operators,
                  exists (select from relying_parties where demo and removed_at is null) as "relyingParties",
                  exists (select from subscribers where demo) as subscribers,
                  exists (select from devices where virtual and removed_at is null) as "virtualDevices"`
  })
  return rows[0] as SimulationTraces
}

/** Whether nobody has enrolled anybody or registered anything yet: only then is a seed planted unasked. */
export async function isEmpty(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ empty: boolean }>({
    text: `select not exists (select from operators)
              and not exists (select from relying_parties)
              and not exists (select from subscribers) as empty`
  })
  return rows[0]?.empty === true
}
