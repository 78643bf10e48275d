/**
 * A device of one's own, on the command line. It knows nothing of the server but docs/api.md.
 *
 *     npx tsc -p tsconfig.json
 *     node build/examples/device/main.js enrol --provider viettel --code XXXXXXXXXXXXXXXX
 *     node build/examples/device/main.js listen              # y or n at each challenge
 *     node build/examples/device/main.js listen --answer yes # confirms everything: for scripts
 *     node build/examples/device/main.js remove
 *
 * The code comes from the operator: POST /operator/subscribers/{id}/activation-codes. Options: --server (default
 * http://127.0.0.1:8080), --name, --file (where the device keeps its key, default ./device.json, mode 0600).
 */
import { open, readFile, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Challenge, Device, type DeviceState, enrol, PhoneApiError } from './device.js'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string', default: 'http://127.0.0.1:8080' },
    provider: { type: 'string', default: 'viettel' },
    code: { type: 'string', default: '' },
    name: { type: 'string', default: 'Command line' },
    file: { type: 'string', default: 'device.json' },
    answer: { type: 'string', default: 'ask' }
  }
})

const load = async (): Promise<Device> =>
  new Device(JSON.parse(await readFile(values.file, 'utf8')) as DeviceState)

/** Shows everything the display hash is over: what is not shown is not confirmed. */
function show(challenge: Challenge): void {
  const { displayHash: _, documents, ...rest } = challenge
  console.log(`\n${challenge.relyingParty} asks you to confirm:`)
  for (const [name, value] of Object.entries(rest)) console.log(`  ${name.padEnd(17)} ${value ?? '-'}`)
  for (const { name, digest } of documents) console.log(`  document          ${name}  ${digest}`)
}

async function decide(): Promise<boolean> {
  if (values.answer !== 'ask') return values.answer === 'yes'
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question('Look at the camera and confirm? [y/n] ')
  terminal.close()
  return answer.trim().toLowerCase() === 'y'
}

async function listen(device: Device): Promise<void> {
  console.log(`Device ${device.state.deviceId} of ${device.state.subscriber.fullName} listens.`)
  for (;;) {
    try {
      for await (const { event, data } of device.events()) {
        if (event === 'ended') {
          console.log(`${data.id}: ${data.status}`)
          continue
        }
        show(data)
        await answer(device, data)
      }
    } catch (error) {
      if (error instanceof PhoneApiError && error.status === 401) throw error
      console.error(`The connection was lost: ${(error as Error).message}`)
    }
    await wait(1_000)
  }
}

async function answer(device: Device, challenge: Challenge): Promise<void> {
  try {
    if (await decide()) await device.confirm(challenge)
    else await device.reject(challenge.id)
  } catch (error) {
    if (!(error instanceof PhoneApiError) || error.status >= 500) throw error
    console.error(error.message)
  }
}

switch (positionals[0]) {
  case 'enrol': {
    const { server, provider, code, name, file } = values
    const kept = await open(file, 'wx', 0o600) // before the code is spent
    const device = await enrol({ server, provider, activationCode: code, name })
    await kept.writeFile(JSON.stringify(device.state, null, 2))
    await kept.close()
    console.log(`Device ${device.state.deviceId} of ${device.state.subscriber.fullName}, kept in ${file}.`)
    break
  }
  case 'listen':
    await listen(await load())
    break
  case 'remove':
    await (await load()).remove()
    await rm(values.file)
    break
  default:
    console.error('Usage: main.js enrol|listen|remove [options]; see the head of this file.')
    process.exitCode = 2
}
