import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

    for (const dialect of dialects) {
      const ended = await new Promise<{ code: number; out: string }>((resolve) => {
        const test = join(folder, 'build/test/dialects', `${dialect}.test.js`)
        const env = { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: '150' }
        const child = execFile(
          process.execPath,
          [test],
          { env, cwd: folder, timeout: 170_000, maxBuffer: 1 << 26 },
          (error, out) => resolve({ code: error === null ? 0 : (child.exitCode ?? 1), out })
        )
      })
      t.not(ended.code, 0, `${dialect}: its tests fail`)
      t.match(ended.out, /^ *not ok /m, 'by a case of their own')
    }
  })
}
