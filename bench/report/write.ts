import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../../src/errors.js'
import type { Figure } from '../scenarios/figure.js'
import { markdownOf } from './markdown.js'
import { plotFiles, plotsOf } from './plots.js'
import type { Result } from './result.js'

/**
 * Writes `report.md` and, beside it, `plots/*.svg`. A picture of an earlier report that this one has not is removed.
 * @returns The path of `report.md`.
 */
export async function writeReport(
  result: Result,
  figures: readonly Figure[],
  folder: string
): Promise<string> {
  const plots = plotsOf(result)
  const pictures = join(folder, 'plots')
  await mkdir(pictures, { recursive: true })
  for (const file of plotFiles) await rm(join(pictures, file), { force: true })
  for (const { file, svg } of plots) await writeFile(join(pictures, file), svg)
  const path = join(folder, 'report.md')
  await writeFile(path, markdownOf(result, figures, plots))
  return path
}

/** @throws StartError when the file is not a result of this schema. */
export async function readResult(path: string): Promise<Result> {
  try {
    const result = JSON.parse(await readFile(path, 'utf8')) as Result
    if (result.schema === 1) return { ...result, skipped: result.skipped ?? {} }
  } catch (cause) {
    throw new StartError(`${path} cannot be read as a result: ${(cause as Error).message}`, { cause })
  }
  throw new StartError(`${path} is not a result of schema 1.`)
}
