import { createHash, randomBytes } from 'node:crypto'

/** Crockford's base32: no I, L, O or U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** 80 random bits. */
const codeLength = 16

/** A fresh activation code. */
export function newCode(): string {
  // 256 is a multiple of 32, so no character is likelier than another.
  return Array.from(randomBytes(codeLength), (octet) => alphabet[octet % 32]).join('')
}

/**
 * What people call a code by, to compare what a phone shows with what an operator has: the last 8 characters of its id.
 * It says nothing about the code.
 */
export function codeReference(id: string): string {
  return `${id.slice(-8, -4)}-${id.slice(-4)}`.toUpperCase()
}

/**
 * What an entered code is looked up by. Hyphens, spaces and case do not count; O is 0, I and L are 1.
 * @returns SHA-256 of the 16 characters, or null when it is not a code.
 */
export function codeSha256(entered: string): Uint8Array | null {
  const code = entered.toUpperCase().replace(/[- ]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  if (code.length !== codeLength || ![...code].every((character) => alphabet.includes(character))) return null
  return createHash('sha256').update(code).digest()
}
