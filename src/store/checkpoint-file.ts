import { createPublicKey } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Checkpoint } from '../audit/checkpoint.js'
import type { CheckpointEntry, UnreadableEntry } from '../audit/evidence.js'
import { StartError } from '../errors.js'
import { isCheckpoint } from './checkpoint-shape.js'
import { replaceFile } from './data-dir.js'

const folderName = 'audit'
const fileName = 'checkpoints.jsonl'
const keyName = 'public-key.pem'

/** Where a data folder keeps the public keys whose checkpoints count. */
export const publicKeyPath = (dataDir: string): string => join(dataDir, folderName, keyName)

/** The data folder's own record of checkpoints. */
export interface CheckpointFile {
  /** Resolves when the line is on the disk. */
  append(checkpoint: Checkpoint): Promise<void>
  close(): Promise<void>
}

/**
 * Opens `audit/checkpoints.jsonl` and `audit/public-key.pem` in the data folder, making them first if need be. A line
 * that a crash left unfinished is removed; its checkpoint is in the database. The caller holds the folder.
 * @param options.spki The key that signs checkpoints, DER.
 * @throws StartError when the data folder trusts another key: somebody must have looked before that changes.
 */
export async function openCheckpointFile({
  dataDir,
  spki
}: {
  dataDir: string
  spki: Uint8Array
}): Promise<CheckpointFile> {
  const folder = join(dataDir, folderName)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await requireKey(dataDir, spki)
  const file = await open(join(folder, fileName), 'a+', 0o600)
  await removeTornLine(file)
  await file.sync()
  let last: Promise<unknown> = Promise.resolve()
  return {
    append(checkpoint) {
      const appended = last.then(async () => {
        await file.appendFile(`${JSON.stringify(checkpoint)}\n`)
        await file.sync()
      })
      last = appended.catch(() => removeTornLine(file).catch(() => undefined))
      return appended
    },
    async close() {
      await last
      await file.close()
    }
  }
}

async function requireKey(dataDir: string, spki: Uint8Array): Promise<void> {
  const path = publicKeyPath(dataDir)
  const wanted = Buffer.from(spki).toString('base64')
  const known = await readPublicKeys(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (known?.includes(wanted)) return
  const pem = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({
    format: 'pem',
    type: 'spki'
  })
  if (known !== null) {
    throw new StartError(
      `${path} does not name the HSM's audit key. If the HSM was replaced on purpose, add this key to the file:\n${pem}`
    )
  }
  await replaceFile(join(dataDir, folderName), keyName, pem)
}

async function removeTornLine(file: Awaited<ReturnType<typeof open>>): Promise<void> {
  const { size } = await file.stat()
  const chunk = Buffer.alloc(65_536)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length)
    const { bytesRead } = await file.read(chunk, 0, end - start, start)
    const newline = chunk.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (newline >= 0) {
      if (start + newline + 1 < size) await file.truncate(start + newline + 1)
      return
    }
    end = start
  }
  if (size > 0) await file.truncate(0)
}

/** The data folder's checkpoints in the order they were made. A server may be appending meanwhile. */
export async function* readCheckpointFile(
  dataDir: string
): AsyncGenerator<CheckpointEntry | UnreadableEntry> {
  const path = join(dataDir, folderName, fileName)
  let number = 0
  for await (const { text, whole } of linesOf(path)) {
    number += 1
    const checkpoint = checkpointIn(text)
    if (checkpoint !== null) yield { kind: 'checkpoint', checkpoint }
    // The last line may be in the making.
    else if (whole) yield { kind: 'unreadable', place: `${path} line ${number}`, detail: 'not a checkpoint' }
  }
}

function checkpointIn(line: string): Checkpoint | null {
  try {
    const value: unknown = JSON.parse(line)
    return isCheckpoint(value) ? value : null
  } catch {
    return null
  }
}

/** Lines of a file; `whole` is false for a last one without a line end. */
export async function* linesOf(path: string): AsyncGenerator<{ text: string; whole: boolean }> {
  let endsWithNewline = true
  const stream = createReadStream(path)
  stream.on('data', (chunk) => {
    endsWithNewline = chunk.at(-1) === (typeof chunk === 'string' ? '\n' : 0x0a)
  })
  let previous: string | null = null
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (previous !== null) yield { text: previous, whole: true }
    previous = text
  }
  if (previous !== null) yield { text: previous, whole: endsWithNewline }
}

/**
 * SubjectPublicKeyInfo, DER in base64, of all public keys in a PEM file.
 * @throws Error when it cannot be read or holds none.
 */
export async function readPublicKeys(path: string): Promise<string[]> {
  const blocks = (await readFile(path, 'utf8')).match(
    /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g
  )
  if (blocks === null) throw new Error(`${path} holds no public key in PEM`)
  return blocks.map((pem) => createPublicKey(pem).export({ format: 'der', type: 'spki' }).toString('base64'))
}
