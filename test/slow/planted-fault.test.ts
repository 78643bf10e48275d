import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const dialects = ['viettel', 'vnpt', 'misa', 'nacencomm', 'neac'] as const

/** A fault in the core: what to write instead of what, and where. */
const faults = [
  {
    what: 'nothing is reserved before the HSM is asked',
    file: 'src/signing/sign.js',
    sound: 'await store.reserve(reservation)',
    broken: 'await Promise.resolve(true)'
  }
] as const

t.setTimeout(900_000)

/*
 * A dialect decides nothing: if the core is broken, every one of them must be seen to be. Each one's own tests run on a
 * copy of the server with a fault in it, and have to fail.
 */
for (const { what, file, sound, broken } of faults) {
  t.test(`the tests of every dialect notice that ${what}`, { timeout: 900_000 }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'kyso-fault-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    for (const name of ['package.json', 'node_modules', 'keys', 'softhsm', 'src', 'docs', 'README.md']) {
      await symlink(join(checkout, name), join(folder, name))
    }
    await mkdir(join(folder, 'build'))
    for (const part of ['src', 'test', 'examples']) {
      await cp(join(checkout, 'build', part), join(folder, 'build', part), { recursive: true })
    }
    const place = join(folder, 'build', file)
    const text = await readFile(place, 'utf8')
    t.equal(text.split(sound).length, 2, 'the place is there, once')
    await writeFile(place, text.replace(sound, broken))

    // Side by side: what is broken is waited for in vain, and waiting costs nothing.
    await Promise.all(
      dialects.map(async (dialect) => {
        const tests = join(folder, 'build/test/dialects', `${dialect}.test.js`)
        t.ok(await failsSomewhere(tests, folder), `${dialect}: a case of its own fails`)
      })
    )
  })
}

/** Runs tests until the first case fails; whether one did. Whatever they leave behind is below `folder`. */
async function failsSomewhere(tests: string, folder: string): Promise<boolean> {
  const scratch = await mkdtemp(join(folder, 'tmp-'))
  // A group of its own, so that the database it starts ends with it.
  const child = spawn(process.execPath, [tests], {
    detached: true,
    cwd: folder,
    env: { ...process.env, TMPDIR: scratch, TAP_TIMEOUT: '170' },
    stdio: ['ignore', 'pipe', 'ignore']
  })
  const ended = once(child, 'close')
  let failed = false
  for await (const line of createInterface({ input: child.stdout })) {
    if (!/^ *not ok /.test(line)) continue
    failed = true
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
    break
  }
  await ended
  return failed
}
