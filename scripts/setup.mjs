// What every command needs before it can run: system packages, npm packages, a build. Each step is done only when
// something it depends on has changed, and says how long it took. Only Node's own modules are used here, since
// nothing else is installed yet.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const oldestNode = [20, 19]

/** What is compiled for what: the conformance suite stands alone, and knows nothing of the server. */
const builds = {
  server: { folders: ['src'], project: 'tsconfig.build.json' },
  tests: { folders: ['src', 'test', 'examples', 'bench', 'conformance'], project: 'tsconfig.json' },
  conformance: { folders: ['conformance'], project: 'conformance/tsconfig.json' }
}

/**
 * Brings the checkout to where its code can run.
 * @param {{ tests?: boolean, say?: (line: string) => void }} options `tests`: compile tests and examples, too.
 * @returns {{ typesHold: boolean }} Whether the compiler had nothing to say. A test build goes on where it had.
 */
export function setUp({ tests = false, say = (line) => console.log(line) } = {}) {
  checkNode()
  installSystemPackages([], say)
  installPackages(say)
  return { typesHold: build(tests ? 'tests' : 'server', say) }
}

/** The same for the conformance suite alone, which needs no system packages. */
export function setUpConformance(say) {
  checkNode()
  installPackages(say)
  build('conformance', say)
}

/** Ends the process with a sentence. */
export function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  fail(`kyso needs Node ${oldestNode.join('.')} or later; this is ${process.versions.node}.`)
}

/**
 * Has softhsm/install.sh install what is missing.
 * @param {string[]} packages Further ones, by Debian's names. @returns Whether all are there.
 */
export function installSystemPackages(packages, say) {
  // Whoever brings another PKCS#11 module does not need SoftHSM; a first start still needs the compiler.
  if (
    process.env.PKCS11_MODULE &&
    packages.length === 0 &&
    existsSync(join(root, 'node_modules/pkcs11js/build'))
  )
    return true
  const startedAt = performance.now()
  const { status } = spawnSync('bash', [join(root, 'softhsm/install.sh'), ...packages], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit']
  })
  if (status !== 0 && packages.length === 0)
    fail('The system packages that kyso needs could not be installed.')
  if (performance.now() - startedAt > 1_000) say(`system packages: ${seconds(startedAt)}`)
  return status === 0
}

/** `npm ci`, when the lock file or Node is not the one that node_modules was made with. */
function installPackages(say) {
  const stamp = hashOf(
    ['package.json', 'package-lock.json'],
    `${process.platform} ${process.arch} ${process.versions.modules}`
  )
  const stampFile = join(root, 'node_modules/.kyso-stamp')
  if (read(stampFile) === stamp) return
  say('npm packages: npm ci')
  const startedAt = performance.now()
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm']
  // Also where NODE_ENV=production: the compiler is a development dependency.
  const { status } = spawnSync(npm[0], [...npm.slice(1), 'ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit'
  })
  if (status !== 0) fail('npm ci failed; its words are above.')
  writeFileSync(stampFile, stamp)
  say(`npm packages: ${seconds(startedAt)}`)
}

/** Compiles to build/, when a source is not the one that was compiled. @returns Whether the types hold. */
function build(what, say) {
  const { folders, project } = builds[what]
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
  const stampOf = (folders) => hashOf([...folders.flatMap(sourcesIn), ...settings], '')
  const stamp = stampOf(folders)
  const stampFile = (name) => join(root, `build/.stamp-${name}`)
  if (read(stampFile(what)) === stamp) return true
  say(`build: compiling ${folders.filter((folder) => existsSync(join(root, folder))).join(', ')}`)
  const startedAt = performance.now()
  mkdirSync(join(root, 'build'), { recursive: true })
  const compiler = ['node_modules/typescript/bin/tsc', '-p', project, '--pretty', 'false']
  const elsewhere = what === 'conformance' ? ['--outDir', 'build/conformance'] : []
  const { status } = spawnSync(process.execPath, [...compiler, ...elsewhere], { cwd: root, stdio: 'inherit' })
  if (status !== 0 && what !== 'tests') fail('The build failed; the compiler says why above.')
  if (status === 0) {
    writeFileSync(stampFile(what), stamp)
    // Who compiled everything has compiled the parts.
    if (what === 'tests') {
      for (const part of ['server', 'conformance'])
        writeFileSync(stampFile(part), stampOf(builds[part].folders))
    }
  }
  say(`build: ${seconds(startedAt)}`)
  return status === 0
}

/** Paths of the TypeScript files in a folder of the checkout, relative to it. */
export function sourcesIn(folder) {
  const path = join(root, folder)
  if (!existsSync(path)) return []
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

function hashOf(files, more) {
  const hash = createHash('sha256').update(more)
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

export const seconds = (startedAt) => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
