import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { settings as portalSettings } from '../../examples/dvctt-portal/settings.js'
import { settings } from '../../src/config.js'
import { providers } from '../../src/providers/registry.js'
import { demoPeople } from '../../src/simulation/demo-people.js'
import { startWorld } from '../world.js'
import { errorsTable } from './errors-table.js'

const read = (path: string) => readFileSync(join(process.cwd(), path), 'utf8')
const json = (path: string) => JSON.parse(read(path)) as Record<string, Record<string, string> | undefined>
const pages = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'keys/README.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
]
/** Cells of the rows of all tables in a text. */
const rows = (markdown: string): string[][] =>
  markdown
    .split('\n')
    .filter((line) => /^\|.*\|$/.test(line) && !/^\|[-|: ]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim())
    )
const section = (page: string, title: string): string => {
  const [, rest = ''] = read(page).split(new RegExp(`^#+ ${title}$`, 'm'))
  return rest.split(/^## /m)[0] ?? ''
}
const bare = (cell: string | undefined) => cell?.replace(/^`(.*)`$/, '$1') ?? ''

t.test('commands', async (t) => {
  const scripts = Object.keys(json('package.json').scripts ?? {})
  const written = pages.map((page) => ({ page, commands: commandsIn(read(page)) }))
  for (const { page, commands } of written) {
    t.same(
      commands.filter((command) => !scripts.includes(command)),
      [],
      `${page} names only commands that exist`
    )
  }
  const inReadme = written.find(({ page }) => page === 'README.md')?.commands ?? []
  t.same(
    scripts.filter((script) => !inReadme.includes(script)),
    [],
    'every command is in the README'
  )
})

function commandsIn(markdown: string): string[] {
  return [...markdown.matchAll(/npm (?:run ([a-z:-]+)|(start|test))\b/g)].map(
    ([, run, short]) => run ?? short ?? ''
  )
}

t.test('settings', async (t) => {
  const written = rows(section('README.md', 'Settings')).slice(1)
  t.same(
    written.map(([name, byDefault, meaning]) => ({ name: bare(name), default: bare(byDefault), meaning })),
    settings.map(({ name, default: byDefault, meaning }) => ({ name, default: byDefault, meaning })),
    'the table of the README is the table of config.ts'
  )
  t.same(
    rows(section('docs/portal.md', 'Try it'))
      .slice(1)
      .map(([name, byDefault, meaning]) => [bare(name), bare(byDefault), meaning]),
    portalSettings.map(({ name, default: byDefault, meaning }) => [name, byDefault, meaning]),
    'the table of docs/portal.md is that of the portal'
  )
  // No settings of ours, but capitals with an underscore all the same.
  const others = ['NODE_ENV', 'NODE_EXTRA_CA_CERTS', 'CKA_UNWRAP_TEMPLATE', demoPeople[0]?.login ?? '']
  const known = new Set<string>([...[...settings, ...portalSettings].map(({ name }) => name), ...others])
  for (const page of pages) {
    const named = [...read(page).matchAll(/`([A-Z0-9]+_[A-Z0-9_]+)(?:=[^`]*)?`/g)].map(
      ([, name = '']) => name
    )
    t.same(
      named.filter((name) => !known.has(name)),
      [],
      `${page} names only settings that exist`
    )
  }
})

t.test('error codes', async (t) => {
  t.same(rows(read('docs/errors.md')), rows(errorsTable()), 'the table of docs/errors.md is that of the code')
})

t.test('dependencies', async (t) => {
  const manifest = json('package.json')
  const installed = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
    Object.keys(manifest[kind] ?? {})
  )
  const explained = rows(read('docs/dependencies.md')).map(([name]) => bare(name))
  t.same(explained.filter((name) => name !== 'Package').sort(), installed.sort())
})

t.test('demo people', async (t) => {
  const shown = (password: string | null) => password ?? 'none'
  t.same(
    rows(section('README.md', 'Demo people'))
      .slice(1)
      .map(([provider, login, password, person]) => [provider, login, password, person].map(bare)),
    demoPeople.map(({ provider, login, password, fullName, title }) => [
      ...[provider, login, shown(password)],
      `${fullName}, ${title}`
    ]),
    'README.md'
  )
  t.same(
    rows(section('docs/api.md', 'Demo seed'))
      .slice(1)
      .map((cells) => cells.map(bare)),
    demoPeople.map(({ provider, login, password, fullName, title, nationalId, organisation }) => [
      ...[provider, login, shown(password), fullName, title, nationalId],
      `${organisation?.name}, ${organisation?.budgetUnitCode}`
    ]),
    'docs/api.md'
  )
})

t.test('links lead somewhere', async (t) => {
  for (const page of pages) {
    const dead = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)].filter(
      ([, path = '', anchor]) => {
        const target = path === '' ? page : join(dirname(page), path)
        if (!existsSync(target)) return true
        return anchor !== undefined && !anchorsOf(read(target)).includes(anchor)
      }
    )
    t.same(
      dead.map(([link]) => link),
      [],
      page
    )
  }
})

const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-')
  )

t.test('a running server', async (t) => {
  const world = await startWorld(t, { settings: { CSC_CREDENTIALS: 'on' } })

  await t.test('serves the routes that are documented, and documents the routes it serves', async (t) => {
    const { paths } = (await (await fetch(`${world.url}/docs/json`)).json()) as {
      paths: Record<string, object>
    }
    const served = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    )
    // What all providers have alike is documented once; each one's dialect on its own page.
    const ofProvider = new RegExp(
      `^([A-Z]+ )/(?:${providers.map(({ id }) => id).join('|')})/(?=csc/(?!credentials/|signature/)|phone/)`
    )
    const folded = new Set(served.map((route) => route.replace(ofProvider, '$1/{provider}/')))
    const [api = '', later = ''] = read('docs/api.md').split('\n## Not yet served\n')
    const documented = [api, read('docs/csc.md'), ...dialectPages.map(read)]
      .flatMap((page) => [...new Set([...page.matchAll(routes)].map(([written]) => written))])
      .flatMap((written) => [...written.matchAll(routes)])
      .map(([, route = '']) => route)
      .sort()
    t.same(documented, [...folded].sort())

    const everywhere = served.filter((route) => ofProvider.test(route)).length
    const each = [...folded].filter((route) => / \/\{provider\}\//.test(route)).length
    // Where no password is asked for there is none to log in with, in either version, nor to change credentials with.
    const without = 4 * providers.filter(({ login }) => !login.asksPassword).length
    t.equal(everywhere, each * providers.length - without, 'every provider serves the same')
    t.same(
      [...later.matchAll(routes)].filter(([, route = '']) => folded.has(route)),
      [],
      'what is said not to be served is not'
    )
  })

  for (const page of dialectPages) {
    await t.test(`the first signature of ${page} verifies, as it is written there`, async (t) => {
      const block = /^```bash\n([\s\S]*?)^```$/m.exec(read(page))?.[1] ?? ''
      const script = block.replaceAll('http://127.0.0.1:8080', world.url)
      const { stdout } = await promisify(execFile)('bash', ['-ec', script], {
        cwd: t.testdir(),
        timeout: 60_000
      })
      t.match(stdout.trimEnd(), /Signature Verified Successfully$/)
    })
  }

  await t.test("the README's first signature verifies, as it is written there", async (t) => {
    const block = /^```bash\n([\s\S]*?)^```$/m.exec(read('README.md'))?.[1] ?? ''
    t.match(block, 'http://127.0.0.1:8080/')
    t.ok(
      read('README.md').slice(0, read('README.md').indexOf(block)).split('\n').length < 30,
      'on the first screen'
    )
    const script = block.replaceAll('http://127.0.0.1:8080', world.url)
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], {
      cwd: t.testdir(),
      timeout: 60_000
    })
    t.equal(stdout, 'Signature Verified Successfully\n')
    t.equal(stderr, '')
  })
})

/** The page of each dialect. */
const dialectPages = [...providers.map(({ id }) => id), 'neac'].map((id) => `docs/providers/${id}.md`)

const routes = /`((?:GET|POST|PUT|PATCH|DELETE) \/[^`\s]*)`/g
