// Reads the TAP (version 14) that a test file wrote: its tests at the outermost level, and of each that failed what
// was not as expected within it.

/**
 * @param {string} text
 * @returns {{ tests: { name: string, ok: boolean, todo: boolean, skip: string | null, detail: string[] }[], complete: boolean, last: string }}
 *   `complete`: the plan was kept. `last`: the name last seen, for a file that ended in the middle.
 */
export function readTap(text) {
  const tests = []
  let planned = null
  let points = 0
  let last = ''
  /** Lines since the last outermost test point. */
  let inside = []
  /** Whether the explanation of the last outermost point is being read. */
  let explaining = false
  for (const line of text.split('\n')) {
    last = /^ *(?:# Subtest: |(?:not )?ok [0-9]+ - )(.*)$/.exec(line)?.[1] ?? last
    if (explaining) {
      explaining = line !== '  ...'
      if (explaining && line !== '  ---') tests.at(-1).detail.push(line.slice(2))
      continue
    }
    const point = /^(not )?ok\b(?: [0-9]+)?(?: - )?(.*)$/.exec(line)
    if (point) {
      points += 1
      const [name, directive = ''] = point[2].replace(/ # time=.*$/, '').split(' # ')
      const [, kind = '', reason = ''] = /^(SKIP|TODO)\b ?(.*)$/i.exec(directive) ?? []
      const todo = kind.toUpperCase() === 'TODO'
      const ok = point[1] === undefined || todo
      const detail = ok ? [] : failuresIn(inside)
      tests.push({ name, ok, todo, skip: kind === '' ? null : reason || kind, detail })
      inside = []
    } else if (line === '  ---' && tests.at(-1)?.ok === false && tests.at(-1).detail.length === 0)
      explaining = true
    else {
      planned = /^1\.\.([0-9]+)/.exec(line)?.[1] ?? planned
      inside.push(line)
    }
  }
  return { tests, complete: planned !== null && Number(planned) === points, last }
}

/** Failed points and their explanations, each under the path of subtests that leads to it. */
function failuresIn(lines) {
  const shown = []
  const path = []
  let explaining = null
  for (const line of lines) {
    const depth = line.search(/\S/)
    if (explaining !== null && (depth >= explaining || depth < 0)) {
      if (!/^ *(---|\.\.\.)?$/.test(line)) shown.push(`  ${line.slice(explaining)}`)
      continue
    }
    explaining = null
    const subtest = /^ *# Subtest: (.*)$/.exec(line)
    if (subtest) {
      path.length = depth / 4
      path[depth / 4] = subtest[1]
    }
    // A subtest's own end says only that something within it failed, which was shown.
    if (!/^ *not ok/.test(line) || / # time=/.test(line)) continue
    path.length = depth / 4
    shown.push([...path.slice(1), line.trim().replace(/^not ok [0-9]+ - /, '')].join(' > '))
    explaining = depth + 2
  }
  return shown.slice(0, 120)
}
