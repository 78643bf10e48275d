import { createHash } from 'node:crypto'

/**
 * Made-up documents, told apart by a running number: whoever knows seed and number can make the document again, so
 * only numbers travel between preparation, load and verification.
 */
export const documentOf = (seed: string, number: number): string => `${seed} document ${number}`

/** SHA-256 of a document. */
export const digestOf = (seed: string, number: number): Buffer =>
  createHash('sha256').update(documentOf(seed, number)).digest()

/** Consecutive documents: `count` of them, beginning with number `first`. */
export interface DocumentRange {
  first: number
  count: number
}

/** Hands out numbers that nobody else has. */
export function createDocumentNumbers(): (count: number) => DocumentRange {
  let next = 0
  return (count) => {
    const first = next
    next += count
    return { first, count }
  }
}
