import { openHsm } from '../../src/hsm/open.js'
import { prepareSoftHsm, useSoftHsm } from '../../src/hsm/softhsm.js'
import { ending, messages, settingsFor } from './world.js'

/* A process of its own: opens the token in a folder, works, closes it and ends by itself. */

const [folder = '', work = ''] = process.argv.slice(2)
useSoftHsm(prepareSoftHsm(folder).confPath)
const hsm = await openHsm(settingsFor(folder), () => undefined)
const authority = await hsm.tokenKey('authority', 'P-256')
if (work === 'sign') {
  const key = await hsm.keys.generate('k', 'P-256')
  const results = await Promise.all(
    messages(300).digests.map((digest) => hsm.keys.sign(key, { type: 'ecdsa', hash: 'SHA-256' }, [digest]))
  )
  if (!results.every(([result]) => result?.outcome === 'signed')) throw new Error('not all signed')
  // Closed in the middle of it: what was begun is signed, the rest is certainly not.
  const calls = Array.from({ length: 100 }, () =>
    hsm.keys.sign(key, { type: 'ecdsa', hash: 'SHA-256' }, messages(3).digests)
  )
  await new Promise((resolve) => setImmediate(resolve))
  await hsm.close()
  const endings = new Set((await Promise.all(calls)).flat().map(ending))
  if (!endings.has('signed') || endings.has('uncertain')) throw new Error([...endings].join())
}
process.stdout.write(Buffer.from(authority.spki).toString('hex'))
await hsm.close()
