// Reads the TAP (version 14) that a test file wrote: its tests at the outermost level, and of each that failed what
// was not as expected within it.

/**
 * @param {string} text
 * @returns {{ tests: { name: string, ok: boolean, skip: string | null, todo: boolean, detail: string[] }[], complete: boolean, last: string }}
 *   `complete`: the plan was kept. `last`: the name last seen, for a file that ended in the middle.
 */
export function readTap(text) {
  const tests = []
  let planned = null
  let points = 0
  let last = ''
  /** Lines since the last outermost test point. */
  let inside = []
  for (const line of text.split('\n')) {
    const plan = /^1\.\.([0-9]+)/.exec(line)
    const point = /^(not )?ok\b(?: [0-9]+)?(?: - )?(.*)$/.exec(line)
    last = /^ *(?:# Subtest: |(?:not )?ok [0-9]+ - )(.*)$/.exec(line)?.[1] ?? last
    if (plan) planned = Number(plan[1])
    else if (point) {
      points += 1
      const [name, directive = ''] = point[2].split(/ # (?!time=)/)
      const [, kind = '', reason = ''] = /^(SKIP|TODO)\b ?(.*)$/i.exec(directive) ?? []
      const ok = point[1] === undefined || kind.toUpperCase() === 'TODO'
      tests.push({
        name: name.replace(/ # time=.*$/, '').replace(/ \{$/, ''),
        ok,
        todo: kind.toUpperCase() === 'TODO',
        skip: kind === '' ? null : (reason || kind).replace(/ # time=.*$/, ''),
        detail: ok ? [] : failuresIn(inside)
      })
      inside = []
    } else inside.push(line)
    // What follows a failed point explains it.
    if (
      !point &&
      tests.at(-1)?.ok === false &&
      /^ {2}\S|^ {2} /.test(line) &&
      !/^ {4}/.test(line.slice(0, 4))
    )
      tests.at(-1).detail.push(line.trim())
  }
  return { tests, complete: planned !== null && planned === points, last }
}

/** Failed points and their explanations, with the path of subtests that leads to them. */
function failuresIn(lines) {
  const shown = []
  const path = []
  let explaining = null
  for (const line of lines) {
    const depth = line.search(/\S/)
    const subtest = /^ *# Subtest: (.*)$/.exec(line)
    if (subtest) {
      path.length = depth / 4
      path[depth / 4] = subtest[1]
    }
    if (explaining !== null && depth >= explaining) {
      if (!/^ *(---|\.\.\.)$/.test(line)) shown.push(line.slice(explaining))
      continue
    }
    explaining = null
    if (/^ *not ok/.test(line)) {
      shown.push(line.trim())
      explaining = depth + 2
    }
  }
  return shown.slice(0, 120)
}
