/**
 * What the rest of the house knows of the HSM: keys that sign digests, keys that sit in PostgreSQL under the master
 * key, and a MAC that only the HSM can compute. No PKCS#11 word leaves this folder.
 */

/** Key types a subscriber, a CA or a device may have. */
export type KeyAlgorithm = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'P-256' | 'P-384'

/** Hashes whose digests are signed. SHA-1 is not among them and never will be. */
export type HashAlgorithm = 'SHA-256' | 'SHA-384' | 'SHA-512'

/**
 * How a digest is signed. `pkcs1`: RSASSA-PKCS1-v1_5, the DigestInfo is built here (RFC 8017 §9.2). `pss`:
 * RSASSA-PSS with MGF1 over the same hash and `saltLength` octets. `ecdsa`: over the digest as it is.
 */
export type SignatureScheme =
  | { type: 'pkcs1'; hash: HashAlgorithm }
  | { type: 'pss'; hash: HashAlgorithm; saltLength: number }
  | { type: 'ecdsa'; hash: HashAlgorithm }

/**
 * A key as its owner stores it. Exactly one of `wrapped` (the AES key-wrapped PKCS#8, to be kept with the
 * credential) and `tokenKeyId` (CKA_ID of a private token object) is set. It is useless without the HSM.
 */
export interface StoredKey {
  /** Stable name of the key, unique among all keys of the installation: what caches are keyed by. */
  id: string
  algorithm: KeyAlgorithm
  /** SubjectPublicKeyInfo, DER. The key that is loaded is checked against it before it signs. */
  spki: Uint8Array
  wrapped: Uint8Array | null
  tokenKeyId: Uint8Array | null
}

/** Subscriber and virtual-phone keys: `wrapped` or `token` storage behind one interface. */
export interface KeyStorage {
  /**
   * Makes a key pair in the HSM. With `wrapped` storage nothing is left in the HSM; with `token` storage a token
   * object with CKA_ID = UTF-8 of `id` is, and `destroy` must be called if the owner's row is not written.
   * @param id The name the key will be stored under, 1 to 64 characters.
   * @throws ServiceError `hsm_unavailable`, `hsm_busy`.
   */
  generate(id: string, algorithm: KeyAlgorithm): Promise<StoredKey>
  /**
   * Signs digests with one key, in order. All digests have the length of `scheme.hash`.
   * @returns One signature a digest: RSA as in RFC 8017; ECDSA as DER ECDSA-Sig-Value (RFC 3279 §2.2.3).
   *   Results are settled one by one, since a batch may be cut short: see `SignResult`.
   * @throws RangeError when a digest's length, or the scheme, does not fit. Nothing was signed then.
   */
  sign(key: StoredKey, scheme: SignatureScheme, digests: readonly Uint8Array[]): Promise<SignResult[]>
  /**
   * How long the HSM takes for one signature more while it is busy, in milliseconds: measured on the last batches,
   * divided by the workers that share the work.
   */
  paceMs(algorithm: KeyAlgorithm): number
  /** How long the HSM will be busy with what it has been given to sign, in milliseconds, by the same measure. */
  backlogMs(): number
  /** Removes a token object and forgets a loaded key. A no-op for what does not exist. */
  destroy(key: Pick<StoredKey, 'id' | 'tokenKeyId'>): Promise<void>
}

/**
 * How the signing of one digest ended. `refused`: the HSM definitely made no signature (`busy` when it was never
 * asked). `uncertain`: it may have (a fault inside C_Sign, a worker that died); the digest must count as signed.
 */
export type SignResult =
  | { outcome: 'signed'; signature: Uint8Array }
  | { outcome: 'refused'; reason: 'busy' | 'unavailable' | 'key_mismatch' | 'key_invalid'; detail: string }
  | { outcome: 'uncertain'; detail: string }

/** A non-extractable key of the installation itself (CA, OCSP, audit), kept as a token object. */
export interface TokenKey {
  readonly label: string
  readonly algorithm: KeyAlgorithm
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /**
   * Signs one digest.
   * @returns RSA: RFC 8017. ECDSA: `p1363` (r‖s, as WebCrypto and the X.509 libraries want it) or `der`.
   * @throws ServiceError `hsm_unavailable`, `hsm_busy`; RangeError on a digest of wrong length.
   */
  sign(scheme: SignatureScheme, digest: Uint8Array, encoding: 'p1363' | 'der'): Promise<Uint8Array>
}

/** AES-256-GCM by a key of its own that never leaves the HSM. */
export interface Secrets {
  /**
   * @param plain 1 to 4,096 octets.
   * @param context Names the one place the secret belongs to, such as table, row and column: 1 to 1,024 octets of
   *   UTF-8. Decrypts nowhere else.
   * @returns IV (12 octets), ciphertext and tag (16 octets), one after the other. Different every time.
   * @throws ServiceError `hsm_unavailable`; RangeError on a length.
   */
  encrypt(plain: Uint8Array, context: string): Promise<Uint8Array>
  /** @throws ServiceError `integrity_broken` when it is not what was encrypted for this context; `hsm_unavailable`. */
  decrypt(encrypted: Uint8Array, context: string): Promise<Uint8Array>
}

/** What opening needs; read by `config.ts`. */
export interface HsmSettings {
  modulePath: string
  tokenLabel: string
  /** User PIN. When the token does not exist yet it is initialised with this PIN and with `soPin`. */
  pin: string
  /** Only for a module whose token we may initialise (SoftHSM); null: a missing token is an error. */
  soPin: string | null
  keyStorage: 'wrapped' | 'token'
  /** Signing worker threads, 1 to 64. */
  workers: number
  /** Keys held ready in the HSM, over all workers. */
  keyCacheSize: number
  /** Key pairs of each common algorithm made ahead while the HSM is idle; default 0. Wrapped storage only. */
  preparedKeys?: number
  /** Digests of subscriber keys waiting for a worker before `busy`; default 4096. Installation keys have 64 besides. */
  queueLimit?: number
  /**
   * A file or folder that all processes sharing the token see: they exclude each other through it while the token is
   * initialised and keys are made. Without it, the first start must be one process's alone. `prepareSoftHsm` names one.
   */
  lockPath?: string
  /**
   * Removes a token for good, so that it can be made anew: one that has no user PIN, hence no keys, and does not know the
   * SO PIN, since the process that made it was killed. Only for a module whose tokens are ours.
   */
  discardToken?: (serialNumber: string) => void
}

/** The HSM as the house sees it. Made by `openHsm` in `open.ts`. */
export interface Hsm {
  readonly keys: KeyStorage
  /** Opens the installation key `label`, making it first if it does not exist (idempotent over crashes). */
  tokenKey(label: string, algorithm: KeyAlgorithm): Promise<TokenKey>
  /** HMAC-SHA-256 (32 octets) over each message, by the non-extractable seal key. */
  mac(messages: readonly Uint8Array[]): Promise<Uint8Array[]>
  /** For what must be kept from everybody but us and read back all the same. */
  readonly secrets: Secrets
  /** CKA_IDs of all subscriber keys that are token objects (`token` storage): what a restart compares with rows. */
  storedTokenKeyIds(): Promise<Uint8Array[]>
  /**
   * Proves that the token answers: C_GetTokenInfo and a signature by a token key.
   * @throws ServiceError `hsm_unavailable`.
   */
  check(): Promise<void>
  /** What an operator should know and what is weaker than it could be, as sentences for log and banner. */
  readonly notices: readonly string[]
  /** Numbers for /metrics. */
  stats(): HsmStats
  /** Stops taking work, lets what runs end, closes all sessions and the module. Never kills a worker. */
  close(): Promise<void>
}

/** Counters since opening, and gauges. */
export interface HsmStats {
  signatures: number
  refused: number
  uncertain: number
  keyLoads: number
  keyHits: number
  keysLoaded: number
  /** Pairs made ahead that wait for an owner. */
  keysPrepared: number
  queued: number
  workersReplaced: number
}
