import type { EnrolmentDeps } from '../../src/enrolment/create.js'
import { by, openServer, type ServerOptions } from './world.js'

/**
 * A server process that dies by its own SIGKILL after the step named in its arguments, or issues without end until
 * somebody else kills it. Prints what it has acknowledged.
 */
const [optionsJson = '', subscriberId = '', dieAt = ''] = process.argv.slice(2)
const options = JSON.parse(optionsJson) as ServerOptions

/** `call` with a chance to die before its result is used. */
function mortal<Args extends readonly unknown[], Result>(
  name: string,
  call: (...args: Args) => Promise<Result>
) {
  return async (...args: Args): Promise<Result> => {
    const result = await call(...args)
    if (name === dieAt) process.kill(process.pid, 'SIGKILL')
    return result
  }
}

function wrapped(deps: EnrolmentDeps): EnrolmentDeps {
  const { pendingKeys, keys, pki, seals, credentials, audit } = deps
  return {
    ...deps,
    pendingKeys: { ...pendingKeys, add: mortal('note', pendingKeys.add) },
    keys: { ...keys, generate: mortal('key', keys.generate) },
    pki: { ...pki, issue: mortal('certificate', pki.issue) },
    seals: { ...seals, seal: mortal('seal', seals.seal) },
    credentials: { ...credentials, insert: mortal('row', credentials.insert) },
    // Killed when the event is in the transaction and nothing is committed.
    audit: { ...audit, recordWith: (change) => audit.recordWith((record) => change(mortal('audit', record))) }
  }
}

const server = await openServer(options, undefined, wrapped)
do {
  const { id } = await server.enrolment.issueCredential(
    subscriberId,
    { algorithm: 'P-256', publish: true },
    by
  )
  process.stdout.write(`${id}\n`)
} while (dieAt === '')
process.stdout.write('survived\n')
process.exit(0)
