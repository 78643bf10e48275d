import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startWorld } from '../world.js'

const page = readFileSync('docs/operating.md', 'utf8')
const named = (pattern: RegExp): string[] => [
  ...new Set([...page.matchAll(pattern)].map(([, name = '']) => name))
]

t.test('docs/operating.md names what there is', async (t) => {
  const world = await startWorld(t)

  await t.test('metrics', async (t) => {
    const metrics = await (await fetch(`${world.url}/metrics`)).text()
    const served = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    const written = named(/`((?:kyso|nodejs|process)_[a-z0-9_]+)`/g)
    t.ok(written.length > 10)
    t.same(
      written.filter((name) => !served.has(name)),
      [],
      'each metric is served'
    )
    t.same(
      [...served].filter((name) => name?.startsWith('kyso_') && !written.includes(name)),
      [],
      'each of our own is explained'
    )
  })

  await t.test('files of the data folder', async (t) => {
    const written = named(/\$DATA_DIR\/([a-z0-9/.-]+)/g)
    // Made by the commands of the page themselves, or with TLS=on.
    const later = ['pkcs11-pin.new', 'room-to-move', 'tls-root.pem']
    t.ok(written.length > 5)
    t.same(
      written.filter((name) => !later.includes(name) && !existsSync(join(world.dataDir, name))),
      []
    )
  })
})

t.test('lines of the log and refusals are those of the code', async (t) => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join('src', name), 'utf8'))
    .join('\n')
  const [, table = ''] = /\n\| `msg` .*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(page) ?? []
  const lines = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, line = '']) => line)
  t.ok(lines.length > 5)
  const refusals = [
    'the token refuses the PIN',
    'database and token belong to different installations',
    'database_unavailable',
    'hsm_busy'
  ]
  for (const refusal of refusals) t.match(page, refusal)
  t.same(
    [...lines, ...refusals].filter((line) => !sources.includes(line)),
    []
  )
})

t.test('its shell blocks are shell, and name only files of the checkout', async (t) => {
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  t.ok(blocks.length > 5)
  for (const block of blocks) {
    t.doesNotThrow(() => execFileSync('bash', ['-n'], { input: block }), block)
  }
  const files = named(/`((?:test|examples|src|docs)\/[a-z0-9/.-]+)`/g)
  t.same(
    files.filter((file) => !existsSync(file)),
    []
  )
})
