// A server process that dies in the middle of recovering another: behind the events, before the outcomes.
import { v7 } from 'uuid'
import { openAudit } from '../../src/audit/open.js'
import { createRecovery } from '../../src/signing/recovery.js'
import { createAuditStore } from '../../src/store/audit.js'
import { openDatabase } from '../../src/store/open.js'
import { createServerStore } from '../../src/store/servers.js'
import { opensslKey, silent } from './world.js'

const [connection = '', keyPath = '', when = ''] = process.argv.slice(2)
const database = await openDatabase({ connection: JSON.parse(connection) as object, log: silent })
const serverId = v7()
const now = () => new Date()
const audit = await openAudit({
  serverId,
  store: createAuditStore(database),
  checkpointKey: opensslKey(keyPath),
  now,
  log: silent,
  appendCheckpoint: async () => {}
})
const recovery = createRecovery({
  servers: createServerStore(database),
  audit: {
    async record(...events) {
      if (when === 'before') process.kill(process.pid, 'SIGKILL')
      await audit.record(...events)
      process.kill(process.pid, 'SIGKILL')
    }
  },
  now,
  serverId,
  oldestOpen: () => null
})
await recovery.register()
await recovery.recoverDeadServers()
