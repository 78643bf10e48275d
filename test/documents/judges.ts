import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Why a test that needs a tool is skipped; false: it is there. */
export const without = (tool: string): string | false =>
  spawnSync(tool, ['--help']).error === undefined ? false : `${tool} is not installed`

/** Works in a folder of its own. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-judge-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A signature as poppler sees it. */
export interface SeenSignature {
  field: string
  type: string
  valid: boolean
  /** Whether it covers the file to its end. */
  whole: boolean
}

/** What `pdfsig` finds in a PDF, in its order. */
export const seenSignatures = (pdf: Uint8Array): Promise<SeenSignature[]> =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'signed.pdf'), pdf)
    const { stdout } = await run('pdfsig', ['-nocert', 'signed.pdf'], { cwd: folder }).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' })
    )
    return stdout
      .split(/^Signature #/m)
      .slice(1)
      .map((said) => ({
        field: /Signature Field Name: (.*)$/m.exec(said)?.[1] ?? '',
        type: /Signature Type: (.*)$/m.exec(said)?.[1] ?? '',
        valid: said.includes('Signature Validation: Signature is Valid.'),
        whole: said.includes('  - Total document signed')
      }))
  })

/** The text that a reader of the first page sees. */
export const textOf = (pdf: Uint8Array): Promise<string> =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'read.pdf'), pdf)
    return (await run('pdftotext', ['-l', '1', 'read.pdf', '-'], { cwd: folder })).stdout
  })

/** The same document as cairo writes it. */
export const byCairo = (pdf: Uint8Array): Promise<Uint8Array> =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'in.pdf'), pdf)
    await run('pdftocairo', ['-pdf', 'in.pdf', 'out.pdf'], { cwd: folder })
    return readFile(join(folder, 'out.pdf'))
  })

/** The same document as qpdf writes it: linearized, everything but streams packed into object streams. */
export const byQpdf = (pdf: Uint8Array): Promise<Uint8Array> =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'in.pdf'), pdf)
    await run('qpdf', ['--linearize', '--object-streams=generate', 'in.pdf', 'out.pdf'], { cwd: folder })
    return readFile(join(folder, 'out.pdf'))
  })

/** Whether `xmlsec1` finds the signature good and its certificate below the root. `idOf`: elements with an Id. */
export const verifiesXml = (
  xml: Uint8Array,
  { issuer, root, idOf }: { issuer: Uint8Array; root: Uint8Array; idOf: readonly string[] }
): Promise<boolean> =>
  inFolder(async (folder) => {
    const files = { 'signed.xml': xml, 'issuer.der': issuer, 'root.der': root }
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
    const trust = ['--trusted-der', 'root.der', '--untrusted-der', 'issuer.der']
    const ids = idOf.flatMap((name) => ['--id-attr:Id', name])
    return run('xmlsec1', ['--verify', '--enabled-key-data', 'x509', ...trust, ...ids, 'signed.xml'], {
      cwd: folder
    }).then(
      () => true,
      () => false
    )
  })
