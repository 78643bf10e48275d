import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '../errors.js'

/** How many runs there may be: each takes about 0.1 s of a core and 32 MiB. */
export interface PasswordLimits {
  /** At the same time. */
  running: number
  /** Waiting for their turn; further ones are refused. */
  waiting: number
}

/**
 * N = 2^15, r = 8, p = 1: the interactive-login figures, doubled. A password is never enough to sign here, so this
 * stays below what a password that stood alone would need. Stored hashes carry their own figures and survive a change.
 */
const cost = { ln: 15, r: 8, p: 1 }
const keyOctets = 32
const saltOctets = 16

/** Hashes and checks passwords, a bounded number at a time. */
export interface Passwords {
  /** @returns The hash with its parameters, `$scrypt$ln=15,r=8,p=1$<salt>$<key>`. @throws ServiceError `too_many_requests`. */
  hash(password: string): Promise<string>
  /**
   * Whether `password` is the one `stored` was made of. With null (no such login, or none was set) the same work is
   * done and the answer is false.
   * @throws ServiceError `too_many_requests`; `integrity_broken` when `stored` is not a hash made here.
   */
  verify(password: string, stored: string | null): Promise<boolean>
}

interface Parameters {
  ln: number
  r: number
  p: number
}

/** @see RFC 7914 for scrypt; the stored form follows the PHC string format. */
export function createPasswords(limits: PasswordLimits = { running: 2, waiting: 64 }): Passwords {
  let running = 0
  const waiting: (() => void)[] = []

  async function run(
    password: string,
    salt: Uint8Array,
    parameters: Parameters,
    octets: number
  ): Promise<Buffer> {
    if (running >= limits.running) {
      if (waiting.length >= limits.waiting) {
        throw new ServiceError('too_many_requests', `${waiting.length} password checks wait`, {
          retryAfterS: 5
        })
      }
      await new Promise<void>((resolve) => waiting.push(resolve)) // the slot is handed over, not freed
    } else {
      running += 1
    }
    try {
      return await derive(password, salt, parameters, octets)
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }

  return {
    async hash(password) {
      const salt = randomBytes(saltOctets)
      const key = await run(password, salt, cost, keyOctets)
      return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(key)}`
    },
    async verify(password, stored) {
      if (stored === null) {
        await run(password, new Uint8Array(saltOctets), cost, keyOctets)
        return false
      }
      const { parameters, salt, key } = parse(stored)
      return timingSafeEqual(await run(password, salt, parameters, key.length), key)
    }
  }
}

/** Passwords are compared as NFC, since keyboards compose Vietnamese letters differently (RFC 8265 §4.2.1). */
function derive(
  password: string,
  salt: Uint8Array,
  { ln, r, p }: Parameters,
  octets: number
): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, octets, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

/** The bounds keep a row that someone else wrote from asking for more memory than a check may take. */
function parse(stored: string): { parameters: Parameters; salt: Buffer; key: Buffer } {
  const [, ln, r, p, salt, key] =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43,86})$/.exec(
      stored
    ) ?? []
  if (salt === undefined || key === undefined || Number(ln) > 17 || Number(r) > 8 || Number(p) > 4) {
    throw new ServiceError('integrity_broken', 'a stored password hash is not one this server makes')
  }
  return {
    parameters: { ln: Number(ln), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64')
  }
}

function unpadded(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64').replace(/=+$/, '')
}
