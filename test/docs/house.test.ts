import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { breaches, idleExceptions, type Source } from './house-rules.js'

/** Every file that people wrote, paths from the root. Tests run from there. */
function walk(folder: string): Source[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return walk(path)
    return [
      { path, text: /\.[cm]?[jt]s$/.test(entry.name) ? readFileSync(join(process.cwd(), path), 'utf8') : '' }
    ]
  })
}
const house = ['src', 'test', 'examples', 'scripts', 'softhsm', 'keys', 'bench', 'docs', '.ci'].flatMap(walk)

t.test('the house keeps its rules', async (t) => {
  t.ok(house.filter(({ path }) => path.startsWith('src/')).length > 100, 'the sources were found')
  t.same(breaches(house), [])
})

t.test('no exception outlives its reason', async (t) => {
  t.same(idleExceptions(house), [])
})

t.test('each rule fails on what it forbids', async (t) => {
  const forbidden: [rule: string, path: string, text: string, sentence: RegExp][] = [
    [
      'a surface imports another',
      'src/csc/a.ts',
      "import { x } from '../phone/x.js'",
      /surfaces do not import/
    ],
    ['even as a type', 'src/csc/a.ts', "import type { X } from '../phone/x.js'", /surfaces do not import/],
    [
      'a provider another surface',
      'src/providers/vnpt/a.ts',
      "import { x } from '../../csc/x.js'",
      /surfaces do not/
    ],
    [
      'the hall imports a surface',
      'src/http/a.ts',
      "import { x } from '../csc/x.js'",
      /surfaces do not import/
    ],
    ['the middle floor a surface', 'src/signing/a.ts', "import { x } from '../csc/x.js'", /imports upward/],
    ['even as a type', 'src/signing/a.ts', "import type { X } from '../csc/x.js'", /imports upward/],
    [
      'the ground the middle floor',
      'src/store/a.ts',
      "import { x } from '../signing/x.js'",
      /imports upward/
    ],
    [
      'by a type inside braces',
      'src/store/a.ts',
      "import { type X } from '../signing/x.js'",
      /imports upward/
    ],
    ['by a re-export', 'src/store/a.ts', "export { x } from '../signing/x.js'", /imports upward/],
    ['by import()', 'src/store/a.ts', "const x = await import('../signing/x.js')", /imports upward/],
    ['by require', 'src/store/a.ts', "const x = require('../signing/x.js')", /imports upward/],
    ['by an import type node', 'src/store/a.ts', "let x: import('../csc/x.js').X", /imports upward/],
    ['the ground a surface', 'src/hsm/a.ts', "import type { X } from '../csc/x.js'", /imports upward/],
    ['anyone the assembly', 'src/csc/a.ts', "import { x } from '../server.js'", /puts the house together/],
    ['anyone a command', 'src/audit/a.ts', "import { x } from '../commands/x.js'", /puts the house together/],
    ['a room settings', 'src/csc/a.ts', "import { readConfig } from '../config.js'", /is handed settings/],
    ['what stands on no floor a room', 'src/errors.ts', "import { x } from './csc/x.js'", /imports no room/],
    ['a source a test', 'src/csc/a.ts', "import { x } from '../../test/x.js'", /from outside src/],
    ['a room nobody knows', 'src/cellar/a.ts', '', /stands on no floor/],
    ['PKCS#11 outside hsm', 'src/pki/a.ts', "import graphene from 'graphene-pk11'", /belongs to hsm/],
    ['its binding outside hsm', 'src/server.ts', "import pkcs11 from 'pkcs11js'", /belongs to hsm/],
    ['pg outside store', 'src/audit/a.ts', "import type { Pool } from 'pg'", /belongs to store/],
    ['x509 outside pki', 'src/enrolment/a.ts', "import * as x509 from '@peculiar/x509'", /belongs to pki/],
    ['pkijs outside pki', 'src/csc/a.ts', "import * as pkijs from 'pkijs'", /belongs to pki/],
    [
      'HTTP on the middle floor',
      'src/signing/a.ts',
      "import type { FastifyRequest } from 'fastify'",
      /belongs to csc/
    ],
    ['SQL outside store', 'src/audit/a.ts', 'const q = `select id from audit_events`', /SQL belongs/],
    ['SQL with values', 'src/csc/a.ts', `const q = \`update credentials set \${x} = 1\``, /SQL belongs/],
    ['the environment', 'src/server.ts', 'const port = process.env.PORT', /only config\.ts reads/],
    ['by name', 'src/server.ts', "const port = process['env'].PORT", /only config\.ts reads/],
    ['by destructuring', 'src/main.ts', 'const { env } = process', /only config\.ts reads/],
    ['by import', 'src/main.ts', "import { env } from 'node:process'", /only config\.ts reads/],
    ['reading where one may write', 'src/hsm/softhsm.ts', 'const x = process.env.HOME', /not read it/],
    ['the system time', 'src/signing/a.ts', 'const at = new Date()', /takes the time from its clock/],
    ['in milliseconds', 'src/audit/a.ts', 'const at = Date.now()', /takes the time from its clock/],
    ['as a function handed on', 'src/audit/a.ts', 'const clock = Date.now', /takes the time from its clock/],
    ['as text', 'src/audit/a.ts', 'const at = Date()', /takes the time from its clock/],
    ['since the start', 'src/access/a.ts', 'const at = performance.now()', /takes the time from its clock/],
    [
      'in nanoseconds',
      'src/access/a.ts',
      'const at = process.hrtime.bigint()',
      /takes the time from its clock/
    ],
    ['in an identifier', 'src/signing/a.ts', 'const id = uuidv7()', /v7\(\{ msecs \}\)/],
    ['a timer', 'src/signing/a.ts', 'setTimeout(() => end(), 10)', /a timer on the middle floor/],
    [
      'an imported timer',
      'src/signing/a.ts',
      "import { setTimeout as wait } from 'node:timers/promises'",
      /a timer/
    ],
    ['a folder that says nothing', 'src/csc/utils/a.ts', '', /"utils" says nothing/],
    ['a file that says nothing', 'test/helpers.ts', '', /"helpers\.ts" says nothing/]
  ]
  for (const [rule, path, text, sentence] of forbidden) {
    t.match(breaches([{ path, text }]).join('\n'), sentence, `${rule}: ${text || path}`)
  }
})

t.test('what the rules allow passes', async (t) => {
  const allowed: [path: string, text: string][] = [
    ['src/csc/a.ts', "import { x } from '../signing/x.js'; import { y } from '../pki/y.js'"],
    ['src/csc/a.ts', "import { problemOf } from '../http/problem.js'; import fastify from 'fastify'"],
    ['src/csc/a.ts', "import type { Provider } from '../providers/provider.js'"],
    ['src/store/a.ts', "import type { ReservationStore } from '../signing/needs.js'; import pg from 'pg'"],
    ['src/store/a.ts', 'const q = `select id from audit_events`'],
    [
      'src/signing/a.ts',
      "import { hashes } from '../activation/hashes.js'; const at = new Date(now().getTime() + 1)"
    ],
    ['src/signing/a.ts', 'const id = uuidv7({ msecs: at.getTime() })'],
    ['src/csc/a.ts', 'const at = new Date()'],
    ['src/hsm/softhsm.ts', 'process.env.SOFTHSM2_CONF = path'],
    ['src/config.ts', 'const port = process.env.PORT'],
    ['src/commands/a.ts', "import { x } from '../store/x.js'; import { y } from '../server.js'"],
    ['src/server.ts', "import { x } from './csc/x.js'; import { y } from './hsm/y.js'"]
  ]
  for (const [path, text] of allowed) {
    t.same(breaches([{ path, text }]), [], `${path}: ${text}`)
  }
})
