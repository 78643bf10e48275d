import { hash, randomBytes } from 'node:crypto'
import { parse, stringify } from 'uuid'

/** Octets of an activation's UUID, then of the secret. */
const idOctets = 16
const secretOctets = 32
/** Characters of a SAD: base64url of 48 octets. */
const sadLength = 64

/**
 * Signature activation data: which activation (so that it is found by its key), and 256 random bits. To everybody
 * outside it is one opaque string; what is stored is its SHA-256.
 */
export function newSad(activationId: string): { sad: string; sadSha256: Uint8Array } {
  const sad = Buffer.concat([parse(activationId), randomBytes(secretOctets)]).toString('base64url')
  return { sad, sadSha256: sha256(sad) }
}

/** Reads a SAD back, or null for what cannot be one. Says nothing about whether it is valid. */
export function readSad(sad: string): { activationId: string; sadSha256: Uint8Array } | null {
  if (sad.length !== sadLength || !/^[A-Za-z0-9_-]+$/.test(sad)) return null
  try {
    return {
      activationId: stringify(Buffer.from(sad, 'base64url').subarray(0, idOctets)),
      sadSha256: sha256(sad)
    }
  } catch {
    return null // not a UUID
  }
}

const sha256 = (text: string): Uint8Array => hash('sha256', text, 'buffer')
