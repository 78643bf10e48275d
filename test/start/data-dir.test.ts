import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { openDataDir, secretFile } from '../../src/store/data-dir.js'

const folder = mkdtempSync(join(tmpdir(), 'kyso-data-dir-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const dataDirModule = new URL('../../src/store/data-dir.js', import.meta.url).href

/** Another process that takes the folder, says so, and then does what it is told by lines on its input. */
async function holder(path: string) {
  const program = `
    import { createInterface } from 'node:readline'
    const { openDataDir } = await import(${JSON.stringify(dataDirModule)})
    try {
      const dir = await openDataDir(${JSON.stringify(path)})
      console.log('taken')
      for await (const line of createInterface({ input: process.stdin })) {
        await dir[line]()
        console.log(line)
      }
    } catch (error) {
      console.log(error.message)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  const exited = once(child, 'exit')
  const said = await next()
  return {
    pid: child.pid ?? 0,
    said,
    async tell(line: 'closing' | 'release') {
      child.stdin.write(`${line}\n`)
      return next()
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    }
  }
}

t.test('a data folder is made for its owner alone', async (t) => {
  const dir = await openDataDir(join(folder, 'made', 'here'))
  t.equal(statSync(dir.path).mode & 0o777, 0o700)
  await dir.release()
})

t.test('a folder in use is refused with the pid of who uses it', async (t) => {
  const path = join(folder, 'used')
  const other = await holder(path)
  t.equal(other.said, 'taken')
  const waited: number[] = []
  await t.rejects(
    openDataDir(path, (pid) => waited.push(pid)),
    {
      name: 'StartError',
      message: `DATA_DIR ${path} is in use by the process with pid ${other.pid}.`
    }
  )
  t.same(waited, [other.pid])
  await other.kill()
})

t.test('a folder that is just being closed is waited for', async (t) => {
  const path = join(folder, 'closing')
  const other = await holder(path)
  await other.tell('closing')
  // Longer than a running one is waited for.
  setTimeout(() => void other.tell('release'), 2_500)
  const dir = await openDataDir(path)
  t.pass('taken once it was released')
  await dir.release()
  await other.kill()
})

t.test(
  'a lock left by a killed process is no lock, also when its pid means another process now',
  async (t) => {
    const path = join(folder, 'killed')
    const other = await holder(path)
    await other.kill()
    const dir = await openDataDir(path)
    await dir.release()
    const [name] = readdirSync(path).filter((file) => file.endsWith('.lock'))
    const mine = { pid: process.pid, startedAt: 'another-boot/1', state: 'running' }
    writeFileSync(join(path, name ?? ''), JSON.stringify(mine))
    const again = await openDataDir(path)
    await again.release()
    t.equal(readdirSync(path).length, 1, 'old locks are taken away')
  }
)

t.test('of many who find a stale lock, one gets the folder', async (t) => {
  const path = join(folder, 'many')
  await (await holder(path)).kill()
  const all = await Promise.all(Array.from({ length: 6 }, () => holder(path)))
  t.equal(all.filter(({ said }) => said === 'taken').length, 1)
  for (const { kill } of all) await kill()
})

t.test('a secret is made once and kept for its owner alone', async (t) => {
  const path = join(folder, 'secret')
  const dir = await openDataDir(path)
  const secret = await secretFile(path, 'pin', 24)
  t.match(secret, /^[A-Za-z0-9_-]{32}$/)
  t.equal(await secretFile(path, 'pin', 24), secret)
  t.equal(statSync(join(path, 'pin')).mode & 0o777, 0o600)
  t.equal(readFileSync(join(path, 'pin'), 'utf8'), `${secret}\n`)
  await dir.release()
})
