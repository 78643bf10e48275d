import { StartError } from '../errors.js'
import type { SimulationTraces } from '../store/simulation-traces.js'

/**
 * With SIMULATION=off nothing simulated may be within reach: demo secrets are published, and a virtual phone
 * confirms for nobody.
 * @throws StartError naming what was found and what to do.
 */
export function assertNoSimulation(traces: SimulationTraces): void {
  const found = [
    traces.operators && 'demo operators',
    traces.relyingParties && 'demo relying parties',
    traces.subscribers && 'demo subscribers',
    traces.virtualDevices && 'virtual devices'
  ].filter((what) => what !== false)
  if (found.length === 0) return
  throw new StartError(
    `SIMULATION is off and the database holds ${found.join(', ')}: set SIMULATION=on, ` +
      'or point DATABASE_URL or DATA_DIR at a database that was never used for simulation.'
  )
}
