// A server process reduced to its audit: records until it is killed, and says what was acknowledged.
import { v7 } from 'uuid'
import { openAudit } from '../../src/audit/open.js'
import { createAuditStore } from '../../src/store/audit.js'
import { openCheckpointFile } from '../../src/store/checkpoint-file.js'
import { openDatabase } from '../../src/store/open.js'
import { opensslKey, silent } from './world.js'

const [connection = '', keyPath = '', dataDir = ''] = process.argv.slice(2)
const database = await openDatabase({ connection: JSON.parse(connection) as object, log: silent })
const checkpointKey = opensslKey(keyPath)
const file = await openCheckpointFile({ dataDir, spki: checkpointKey.spki })
const audit = await openAudit({
  serverId: v7(),
  store: createAuditStore(database),
  checkpointKey,
  now: () => new Date(),
  log: silent,
  appendCheckpoint: file.append,
  checkpointEveryEvents: 100
})

for (let number = 0; ; ) {
  const numbers = Array.from({ length: 20 }, () => {
    number += 1
    return number
  })
  await Promise.all(
    numbers.map(async (number) => {
      await audit.record({ type: 'client.authenticated', actor: 'anyone', about: { number } })
      process.stdout.write(`${number}\n`)
    })
  )
}
