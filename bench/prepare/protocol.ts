import type { OperatorRole } from '../../src/access/access.js'
import type { DocumentRange } from '../load/documents.js'

/** Key types that are measured. */
export type MeasuredAlgorithm = 'P-256' | 'RSA-2048'

/** A subscriber who takes part: made once, kept with the prepared data folder. */
export interface Person {
  subscriberId: string
  login: string
  deviceId: string
  /** PKCS #8 of the device's own key, base64. A phone would keep it to itself; this one exists for the benchmark. */
  devicePkcs8: string
  /** Of each measured type, or of P-256 alone where there are very many people. Certificates are DER in base64. */
  credentials: Partial<Record<MeasuredAlgorithm, PersonCredential>>
}

export interface PersonCredential {
  id: string
  certificate: string
}

/** @throws RangeError when the person has none of this type. */
export function credentialOf(person: Person | undefined, algorithm: MeasuredAlgorithm): PersonCredential {
  const found = person?.credentials[algorithm]
  if (found === undefined) throw new RangeError(`${person?.login ?? 'nobody'} has no ${algorithm} credential`)
  return found
}

/** @throws RangeError when there are not so many. */
export function personOf<Somebody>(people: readonly Somebody[], person: number): Somebody {
  const found = people[person]
  if (found === undefined) throw new RangeError(`there is no person ${person}`)
  return found
}

/** Everybody who takes part, and the relying party that asks them. */
export interface Population {
  provider: string
  clientId: string
  clientSecret: string
  people: Person[]
}

/** One activation to be asked for and confirmed. */
export interface Wanted {
  /** Index into the population. */
  person: number
  algorithm: MeasuredAlgorithm
  documents: DocumentRange
}

/** What the preparation process is asked to do. */
export type Task =
  | { type: 'enrol'; people: number }
  /** Very many people, written in bulk; answers those wanted, numbers from 0. */
  | { type: 'load'; people: number; wanted: number[] }
  /** Tells who takes part; once, since it is large. */
  | { type: 'population'; population: Population }
  /** Asks and confirms; answers activation ids in the same order. */
  | { type: 'approve'; seed: string; wanted: Wanted[] }
  /** Makes an operator; answers the key. */
  | { type: 'operator'; role: OperatorRole }
  | { type: 'close' }

/** `number` tells which task is meant. */
export type ToPreparation = { number: number; task: Task }
export type FromPreparation =
  | { type: 'open' }
  | { type: 'progress'; number: number; done: number; of: number }
  | { type: 'done'; number: number; result: unknown }
  | { type: 'failed'; number: number; reason: string }
