import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const output = join(process.cwd(), 'demo-output')
const temporary = mkdtempSync(join(tmpdir(), 'kyso-'))
t.teardown(() => rmSync(temporary, { recursive: true, force: true }))

/** What `npm run demo` runs, with settings around it that must not reach its server. */
async function demo(path: string): Promise<{ code: number | null; said: string; complaints: string }> {
  const env = {
    ...process.env,
    PATH: path,
    TMPDIR: temporary,
    PORT: '1',
    SEED: 'demo',
    DATABASE_URL: 'nowhere'
  }
  const child = spawn(process.execPath, ['scripts/demo.mjs'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [said, complaints] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, said, complaints }
}
const path = process.env.PATH ?? ''

t.test('npm run demo ends in a signature that openssl verifies', async (t) => {
  const { code, said, complaints } = await demo(path)
  t.equal(code, 0, complaints)
  const steps = said.split('\n').filter((line) => /^ *\d+ ms {2}\S/.test(line))
  t.ok(steps.length > 15, 'one line a step, with its duration')
  t.match(said, `The files are in ${output}`)
  t.match(said, /\$ openssl cms -verify .*\nCMS Verification successful\n$/)
  t.same(readdirSync(temporary), [], 'nothing stays behind')

  const [, command = ''] = /^\$ openssl (cms -verify .*)$/m.exec(said) ?? []
  const again = spawnSync('openssl', command.split(' '), { cwd: output, encoding: 'utf8' })
  t.match(again.stderr, 'Verification successful', 'the command it shows can be run again on its files')
  const signed = readFileSync(join(output, 'verified.pdf'))
  t.ok(
    signed.equals(readFileSync('examples/documents/tokhaidangkysudungdvc.pdf')),
    'it signed the declaration'
  )
})

t.test('npm run demo ends non-zero when the judge refuses, and leaves nothing behind', async (t) => {
  const folder = t.testdir({ openssl: '#!/bin/sh\necho refused >&2\nexit 1\n' })
  chmodSync(join(folder, 'openssl'), 0o755)
  const { code, said } = await demo(`${folder}:${path}`)
  t.not(code, 0)
  t.match(said, /FAILED/)
  t.notMatch(said, 'Verification successful')
  t.same(readdirSync(temporary), [])
  t.notOk(existsSync(join(output, 'verified.pdf')))
})
