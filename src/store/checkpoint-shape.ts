import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Checkpoint } from '../audit/checkpoint.js'

const base64 = (octets: number) =>
  `^[A-Za-z0-9+/]{${Math.ceil((octets * 4) / 3)}}={${(3 - (octets % 3)) % 3}}$`

/** The shape of `heads`, also of those a `chain.started` event names. */
export const Heads = Type.Array(
  Type.Object({
    chain: Type.String({ maxLength: 64 }),
    seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    hash: Type.String({ pattern: base64(32) })
  })
)

const checkpointShape = Compile(
  Type.Object({
    id: Type.String({ maxLength: 64 }),
    at: Type.String({ maxLength: 64 }),
    heads: Heads,
    spki: Type.String({ maxLength: 1024 }),
    signature: Type.String({ maxLength: 1024 })
  })
)

/** Whether a value read from a row or a line has the members of a checkpoint; says nothing about its signature. */
export const isCheckpoint = (value: unknown): value is Checkpoint => checkpointShape.Check(value)
