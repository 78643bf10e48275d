import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { type DemoPerson, demoPeople } from '../../src/simulation/demo-people.js'
import { Operator } from '../clients/operator.js'
import { startWorld, type World } from '../world.js'
import { lines, type Run, runSuite } from './conformance/suite.js'

const versions = ['v1', 'v2'] as const
/** Slower machines may take longer than the 80 s of a base; waiting for a SAD of 300 s is left to the test below. */
const patience = ['--patience', '280']

t.setTimeout(1_800_000)

t.test('every provider conforms, in both versions', { timeout: 1_800_000 }, async (t) => {
  const world = await startWorld(t)
  const folder = t.testdir()
  for (const version of versions) {
    // Providers share nothing that one would wait for, so they are tried side by side.
    const runs = demoPeople.map(async (person) => {
      const foreign = await credentialElsewhere(world, person)
      const base = `${world.url}/${person.provider}/csc/${version}`
      const more = [...patience, '--foreign-credential', foreign]
      return { person, run: await runSuite(`${folder}/${version}/${person.provider}`, base, person, more) }
    })
    for (const { person, run } of await Promise.all(runs)) {
      await t.test(`${person.provider}/csc/${version}`, async (t) => {
        conforms(t, run)
        t.ok(lines(run, 'passed').length > 480, `${lines(run, 'passed').length} cases passed`)
        t.ok(run.rowsWithoutCase.length > 10, 'rows without a case are listed')
      })
    }
  }
})

t.test('credentials of every kind conform', { timeout: 1_800_000 }, async (t) => {
  // So short that a SAD expires while the suite waits.
  const world = await startWorld(t, { settings: { SAD_TTL_S: '20' } })
  const operator = new Operator({ url: world.url })
  const person = await enrol(operator)
  const issue = async (more: object): Promise<string> => {
    const { status, body } = await operator.post(`/subscribers/${person.id}/credentials`, {
      ...{ algorithm: 'P-256', publish: true, ...more }
    })
    if (status !== 201) throw new Error(JSON.stringify(body))
    return String(body.credentialID)
  }
  const kinds = {
    phone: await issue({}),
    pin: await issue({ auth: 'pin', pin: 'Bi-mat-86' }),
    otp: await issue({ auth: 'otp' }),
    session: await issue({ scal: '1' }),
    oauth2code: await issue({ auth: 'oauth2code' })
  }
  const unpublished = await issue({ publish: false })
  t.ok(unpublished, 'one is disabled')
  const messages = `${world.url}/operator/subscribers/${person.id}/messages`
  // Latest first.
  const code = `curl -s -H 'Authorization: Bearer operator-demo' ${messages} | grep -o '"text":"[0-9]*' | head -n 1 | tr -cd 0-9`

  for (const version of versions) {
    const base = `${world.url}/vnpt/csc/${version}`
    const sign = version === 'v1' ? '11.9' : '11.10'
    const tried = async (kind: keyof typeof kinds, only: string, more: string[] = []) =>
      runSuite(t.testdir(), base, person, [...patience, '--credential', kinds[kind], '--only', only, ...more])

    await t.test(`${version}: one that the phone alone confirms, until its SAD expires`, async (t) => {
      const run = await tried('phone', `11.6,${sign}`)
      conforms(t, run)
      passes(t, run, 'an expired SAD is refused as such')
      passes(t, run, 'a disabled credential is refused')
      passes(t, run, 'where SCAL is 1, any hash takes one of the approved signatures')
      passes(t, run, 'a credential of mode oauth2code is not for credentials/authorize')
    })
    await t.test(`${version}: one with a PIN`, async (t) => {
      const run = await tried('pin', '11.5,11.6', ['--pin', 'Bi-mat-86'])
      conforms(t, run)
      passes(t, run, 'a PIN that is wrong is refused')
      passes(t, run, 'without its PIN nothing is authorized')
      t.notMatch(JSON.stringify(run), 'Bi-mat-86', 'which is in no report')
    })
    await t.test(`${version}: one with a code`, async (t) => {
      const run = await tried('otp', '11.6,11.8', ['--code-command', code])
      conforms(t, run)
      passes(t, run, 'an approval gives a SAD, and expiresIn in seconds if at all')
    })
    await t.test(`${version}: one of SCAL 1`, async (t) => {
      const run = await tried('session', sign)
      conforms(t, run)
      passes(t, run, 'hashes may be signed in another order than they were authorized in')
    })
    await t.test(`${version}: one that the pages of OAuth alone authorize`, async (t) => {
      const run = await tried('oauth2code', version === 'v1' ? '8.3.2,11.5,11.9' : '8.4.2,11.5,11.10')
      conforms(t, run)
      passes(t, run, 'several hashes are signed in one call, in their order')
    })
  }
})

/** Exit code 0, a plan that was kept, and nothing failed; what is unsure is told. */
function conforms(t: Test, run: Run): void {
  t.same(lines(run, 'failed'), [])
  t.equal(run.exitCode, 0, run.errors)
  const planned = Number(/^1\.\.(\d+)$/m.exec(run.tap)?.[1])
  t.equal([...run.tap.matchAll(/^(?:not )?ok \d+ - /gm)].length, planned, `${planned} points`)
  t.notMatch(run.tap, /no time left/, 'it had the time it needed')
  for (const line of lines(run, 'unsure')) t.comment(`unsure: ${line}`)
}

function passes(t: Test, run: Run, text: string): void {
  t.match(
    run.cases.find((one) => one.text === text),
    { outcome: 'passed' },
    text
  )
}

/** A person with a virtual phone that confirms. */
async function enrol(operator: Operator): Promise<{ id: string; login: string; password: string }> {
  const login = `conformance-${randomUUID()}`
  const password = `word-${randomUUID()}`
  const { body } = await operator.post('/subscribers', {
    ...{ provider: 'vnpt', login, password, fullName: 'Đỗ Thị Thử', nationalId: '001099000001' },
    ...{ email: 'thu@example.vn', phone: '0900000000' }
  })
  const id = String(body.id)
  const { status } = await operator.call('PUT', `/subscribers/${id}/virtual-phone`, { behaviour: 'confirm' })
  if (status >= 300) throw new Error('there is no virtual phone')
  return { id, login, password }
}

/** A credential that is another person's, at the same provider. */
async function credentialElsewhere({ url }: World, { provider }: DemoPerson): Promise<string> {
  const operator = new Operator({ url })
  const created = await operator.post('/subscribers', {
    ...{ provider, login: `foreign-${randomUUID()}`, fullName: 'Đỗ Thị Khác', nationalId: '001099000002' }
  })
  const path = `/subscribers/${String(created.body.id)}/credentials`
  const { body } = await operator.post(path, { algorithm: 'P-256', publish: true })
  return String(body.credentialID)
}
