import t from 'tap'
import { type Options, readOptions } from '../../conformance/options.js'
import { tables } from '../../conformance/rules/all.js'
import { run, select } from '../../conformance/run.js'
import { createPerson } from '../../conformance/server/person.js'
import { createTarget } from '../../conformance/server/target.js'
import { demoPeople } from '../../src/simulation/demo-people.js'
import { startWorld } from '../world.js'
import { faults } from './conformance/faults.js'
import { startProxy } from './conformance/planting-proxy.js'
import { runSuite } from './conformance/suite.js'

t.setTimeout(900_000)

const vnpt = demoPeople.find(({ provider }) => provider === 'vnpt')
if (vnpt === undefined) throw new Error('nobody of the seed is at vnpt')

t.test('the conformance suite notices what a server does wrong', { timeout: 900_000 }, async (t) => {
  const world = await startWorld(t)
  const proxy = await startProxy(t, world.url)

  for (const { what, version, caughtBy, fault } of faults) {
    await t.test(`${version}: ${what}: "${caughtBy}"`, async (t) => {
      const options = optionsFor(`${proxy.url}/vnpt/csc/${version}`)
      const rules = select(tables, version, null).filter(({ text }) => text === caughtBy)
      t.equal(rules.length, 1, 'there is one such case')
      const outcomes = async () => {
        const target = createTarget(options, createPerson(options), performance.now() + 120_000)
        return run(target, rules, () => undefined)
      }
      proxy.plant(null)
      const [sound] = await outcomes()
      t.match(sound, { outcome: 'passed' }, `without the fault it passes: ${sound?.reason ?? ''}`)
      proxy.plant(fault())
      const [broken] = await outcomes()
      proxy.plant(null)
      t.match(broken, { outcome: 'failed' }, 'with the fault it fails')
      t.comment(broken?.reason ?? '')
    })
  }

  await t.test(
    'a run that finds a fault ends with 1 and names the case, one that finds none with 0',
    async (t) => {
      const base = `${proxy.url}/vnpt/csc/v2`
      const sound = await runSuite(t.testdir(), base, vnpt, ['--only', '11.1'])
      t.equal(sound.exitCode, 0)
      proxy.plant(({ path }, answer) => {
        if (path.endsWith('/info')) answer.text = answer.text.replace('"region"', '"regions"')
      })
      const broken = await runSuite(t.testdir(), base, vnpt, ['--only', '11.1'])
      t.equal(broken.exitCode, 1)
      t.match(broken.tap, /^not ok \d+ - 11\.1 \[C\] info has region, a string$/m)
      t.match(broken.tap, /^ {2}message: "region is missing"$/m)
    }
  )
})

function optionsFor(base: string): Options {
  const version = base.endsWith('v1') ? 'v1' : 'v2'
  const options = readOptions([
    ...['--base', base, '--version', version, '--client-id', 'dvctt', '--client-secret', 'dvctt-secret'],
    ...['--user', vnpt?.login ?? '', '--password', vnpt?.password ?? '']
  ])
  if (!('base' in options)) throw new Error('the options are none')
  return options
}
