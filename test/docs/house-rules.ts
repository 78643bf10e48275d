/**
 * The rules of the house that a machine can check: which room may import which, who may read the environment, who may
 * ask for the time, and which package lives in which room. `house.test.ts` applies them to the sources.
 */
import { dirname, join } from 'node:path/posix'
import ts from 'typescript'

/** A source file: path from the root of the repository, such as `src/csc/csc.ts`. */
export interface Source {
  path: string
  text: string
}

const surfaces = ['csc', 'phone', 'operator', 'publication', 'simulation', 'providers', 'http']
const middle = [
  'access',
  'enrolment',
  'activation',
  'signing',
  'transactions',
  'documents',
  'delivery',
  'audit'
]
const ground = ['hsm', 'pki', 'store']
/** What puts the house together: `src/commands/`, and the files directly in `src/`. No room imports them. */
const assembly = ['assembly', 'commands']
/** They stand on no floor: everyone may import them. */
const floorless = ['errors.ts', 'clock.ts']
/** Where values of the configuration may be used as code; everywhere else it arrives as a value. */
const importsConfig = [...assembly, 'http']

/** The room that surrounds a package, and with it whatever its types look like. */
const packageRooms: Readonly<Record<string, readonly string[]>> = {
  'graphene-pk11': ['hsm'],
  pkcs11js: ['hsm'],
  pg: ['store'],
  '@peculiar/x509': ['pki'],
  pkijs: ['pki', 'documents'],
  '@cantoo/pdf-lib': ['documents'],
  '@cantoo/fontkit': ['documents'],
  'xml-crypto': ['documents'],
  '@xmldom/xmldom': ['documents'],
  xpath: ['documents'],
  fastify: [...surfaces, ...assembly],
  '@fastify/swagger': ['http'],
  '@fastify/swagger-ui': ['http'],
  '@fastify/type-provider-typebox': surfaces,
  'node:http': [...surfaces, ...assembly, 'delivery'],
  'node:https': [...surfaces, ...assembly, 'delivery'],
  'node:dns': ['delivery'],
  'node:dns/promises': ['delivery'],
  'node:http2': [...surfaces, ...assembly]
}

/** Timers on the middle floor: they wait, they do not tell the time. Each with its reason. */
const timers: Readonly<Record<string, string>> = {
  'src/access/refusals.ts': 'gathers repeated refusals into one event',
  'src/access/lockout.ts': 'paces how often it looks again whether tries on other servers have ended',
  'src/delivery/call.ts': 'ends a call whose answer does not come',
  'src/documents/reader.ts': 'ends a thread that takes too long over a document',
  'src/documents/workshop.ts': 'ends a thread that has had no work for long',
  'src/delivery/deliveries.ts': 'breaks off what is under way when the server closes',
  'src/activation/answered.ts': 'paces how often somebody who waits looks for an answer',
  'src/transactions/transactions.ts': 'paces how often somebody who waits looks for an outcome',
  'src/enrolment/devices.ts': 'paces how often it looks again for an answer'
}

/** The PKCS#11 module reads this one from the environment itself, so it has to be written there. */
const writesEnvironment = 'src/hsm/softhsm.ts'

const emptyNames = /^(utils?|helpers?|common|misc)$/i

/** Every breach of a rule, as `path:line: sentence`; none is the house in order. */
export function breaches(sources: readonly Source[]): string[] {
  return [
    ...sources.flatMap(({ path }) => nameBreaches(path)),
    ...sources
      .filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'))
      .flatMap((source) => fileBreaches(source))
  ]
}

/** Exceptions that nothing needs any more; they are taken off the lists. */
export function idleExceptions(sources: readonly Source[]): string[] {
  const used = new Set(sources.filter(({ text }) => /\bsetTimeout\b|\bsetInterval\b/.test(text)).map(pathOf))
  return Object.keys(timers).filter((path) => !used.has(path))
}

const pathOf = ({ path }: Source): string => path

/** Folders and files are named for what is in them. */
function nameBreaches(path: string): string[] {
  const empty = path.split('/').find((part) => emptyNames.test(part.split('.')[0] ?? ''))
  return empty === undefined ? [] : [`${path}:1: "${empty}" says nothing about what is in it`]
}

function fileBreaches({ path, text }: Source): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const report = (node: ts.Node, sentence: string): void => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
    found.push(`${path}:${line + 1}: ${sentence}`)
  }
  const room = roomOf(path)
  if (!known(room)) report(file, `the room "${room}" stands on no floor that the rules know`)

  const visit = (node: ts.Node): void => {
    const imported = importOf(node)
    if (imported !== null) {
      const sentence = importBreach(path, imported)
      if (sentence !== null) report(node, sentence)
    }
    for (const rule of [environmentBreach, timeBreach, sqlBreach]) {
      const sentence = rule(node, path, room)
      if (sentence !== null) report(node, sentence)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** `csc` for `src/csc/v2/info.ts`, `assembly` for `src/server.ts`. */
function roomOf(path: string): string {
  const [, room = '', inside] = path.split('/')
  return inside !== undefined || floorless.includes(room) || room === 'config.ts' ? room : 'assembly'
}
const known = (room: string): boolean =>
  [...surfaces, ...middle, ...ground, ...assembly, ...floorless, 'config.ts'].includes(room)

interface Import {
  specifier: string
  /** Vanishes when compiled. `import { type X }` does not: under verbatimModuleSyntax the module is loaded. */
  typeOnly: boolean
}

/** The module a node names: import, re-export, `import()` and `import('…')` as a type. */
function importOf(node: ts.Node): Import | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.importClause?.isTypeOnly ?? false }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument
    return ts.isStringLiteral(literal) ? { specifier: literal.text, typeOnly: true } : null
  }
  if (ts.isCallExpression(node)) {
    const [argument] = node.arguments
    const loads =
      node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require'
    if (loads && argument && ts.isStringLiteralLike(argument))
      return { specifier: argument.text, typeOnly: false }
  }
  return null
}

function importBreach(path: string, { specifier, typeOnly }: Import): string | null {
  const room = roomOf(path)
  if (!specifier.startsWith('.')) {
    const rooms = packageRooms[specifier]
    return rooms === undefined || rooms.includes(room) ? null : `${specifier} belongs to ${rooms.join(', ')}`
  }
  const target = join(dirname(path), specifier).replace(/\.js$/, '.ts')
  if (!target.startsWith('src/')) return `a source imports ${target} from outside src/`
  const to = roomOf(target)
  if (assembly.includes(room) || floorless.includes(to) || to === room) return null
  if (assembly.includes(to)) return `nothing imports ${target}: it puts the house together`
  if (to === 'config.ts') {
    return typeOnly || importsConfig.includes(room)
      ? null
      : `${room} is handed settings, it does not import them`
  }
  if (floorless.includes(room) || room === 'config.ts')
    return `${room} stands on no floor and imports no room`
  if (surfaces.includes(to) && surfaces.includes(room)) {
    if (to === 'http') return null
    // What a provider is called and how long it waits: data that surfaces are handed.
    if (target === 'src/providers/provider.ts' && typeOnly) return null
    return `surfaces do not import each other: ${room} imports ${to}`
  }
  const [from, onto] = [floorOf(room), floorOf(to)]
  if (from >= onto) return null
  if (from === 1 && onto === 2 && typeOnly) return null // a need that the middle floor states
  return `${room} imports upward from ${to}`
}

const floorOf = (room: string): number => (surfaces.includes(room) ? 3 : middle.includes(room) ? 2 : 1)

/** Only `config.ts` reads the environment; one file has to write one variable. */
function environmentBreach(node: ts.Node, path: string, room: string): string | null {
  if (room === 'config.ts') return null
  if (ts.isImportSpecifier(node) && (node.propertyName ?? node.name).text === 'env') {
    const from = node.parent.parent.parent.moduleSpecifier
    return /^'(node:)?process'$/.test(from.getText()) ? 'only config.ts reads the environment' : null
  }
  if (
    ts.isVariableDeclaration(node) &&
    node.initializer?.getText() === 'process' &&
    ts.isObjectBindingPattern(node.name)
  ) {
    return 'only config.ts reads the environment'
  }
  if (!isMember(node, 'process', 'env')) return null
  if (path !== writesEnvironment) return 'only config.ts reads the environment'
  const target = node.parent
  const assignment = target.parent
  const writes =
    (ts.isPropertyAccessExpression(target) || ts.isElementAccessExpression(target)) &&
    ts.isBinaryExpression(assignment) &&
    assignment.left === target &&
    assignment.operatorToken.kind === ts.SyntaxKind.EqualsToken
  return writes ? null : 'this file may write one variable of the environment, not read it'
}

/** The middle floor takes the time from the clock it is handed (I9). */
function timeBreach(node: ts.Node, path: string, room: string): string | null {
  if (!middle.includes(room)) return null
  const asks = 'the middle floor takes the time from its clock'
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return asks
  if (ts.isCallExpression(node)) {
    const called = node.expression.getText()
    if (called === 'Date') return asks
    if (/^(uuid)?v7$/i.test(called) && !/\bmsecs\b/.test(node.arguments[0]?.getText() ?? ''))
      return `${asks}, identifiers too: v7({ msecs })`
    if (/^(globalThis\.)?set(Timeout|Interval|Immediate)$/.test(called)) return timerBreach(path)
  }
  if (
    isMember(node, 'Date', 'now') ||
    isMember(node, 'process', 'hrtime') ||
    isMember(node, 'performance', 'now')
  )
    return asks
  const imported = importOf(node)
  if (imported?.specifier === 'node:perf_hooks') return asks
  if (imported !== null && /^node:timers/.test(imported.specifier)) return timerBreach(path)
  return null
}

const timerBreach = (path: string): string | null =>
  path in timers
    ? null
    : 'a timer on the middle floor: name it and its reason in the rules, or let the surface wait'

/** `object.member` or `object['member']`. */
function isMember(node: ts.Node, object: string, member: string): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === member && node.expression.getText() === object
  }
  return (
    ts.isElementAccessExpression(node) &&
    node.expression.getText() === object &&
    ts.isStringLiteralLike(node.argumentExpression) &&
    node.argumentExpression.text === member
  )
}

const sql =
  /^\s*(select\s[\s\S]*\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\()/i

/** SQL text is the store's. */
function sqlBreach(node: ts.Node, _path: string, room: string): string | null {
  if (room === 'store') return null
  const text = ts.isStringLiteralLike(node)
    ? node.text
    : ts.isTemplateExpression(node)
      ? node.head.text
      : null
  return text !== null && sql.test(text) ? 'SQL belongs to the store' : null
}
