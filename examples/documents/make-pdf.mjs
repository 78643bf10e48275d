#!/usr/bin/env node
// Makes tokhaidangkysudungdvc.pdf anew from the HTML beside it. Needs Debian's `chromium` and `fonts-dejavu-core`.
// The dates chromium writes are set to one fixed instant, so that the same chromium makes the same file again.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const name = 'tokhaidangkysudungdvc'
const profile = mkdtempSync(join(tmpdir(), 'kyso-pdf-'))
try {
  const made = join(profile, `${name}.pdf`)
  execFileSync(
    'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(profile, 'chromium')}`,
      '--no-pdf-header-footer',
      `--print-to-pdf=${made}`,
      `file://${join(here, `${name}.html`)}`
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] } // chromium is noisy; its words are shown only when it fails
  )
  // Same length as what it replaces: the offsets in the file stay right.
  const pdf = readFileSync(made, 'latin1').replaceAll(/\(D:\d{14}\+00'00'\)/g, "(D:20260105023000+00'00')")
  writeFileSync(join(here, `${name}.pdf`), pdf, 'latin1')
} finally {
  rmSync(profile, { recursive: true, force: true })
}
