import type { Template } from 'pkcs11js'
import pkcs11 from 'pkcs11js'
import { algorithms, keyTypeOf } from './algorithms.js'
import type { KeyAlgorithm } from './hsm.js'

/*
 * Every attribute is stated: SoftHSM's defaults are permissive (an unwrapped key would be readable, and could
 * decrypt and unwrap). CKA_MODIFIABLE comes last, since SoftHSM sets attributes in the order given and refuses what
 * follows it.
 */

/** Label of the AES key that wraps subscriber keys; its CKA_ID is the same text. */
export const masterKeyLabel = 'kyso master key'
/** Label of the HMAC key that seals rows. */
export const sealKeyLabel = 'kyso seal key'
/** Label of the AES key that encrypts secrets which must be read back. */
export const encryptionKeyLabel = 'kyso encryption key'
/** Labels of subscriber keys (`token` storage) begin so; no installation key may. */
export const subscriberLabelPrefix = 'subscriber:'

/** CKA_ALLOWED_MECHANISMS: an array of CK_MECHANISM_TYPE as the machine holds it. */
export function mechanismList(...mechanisms: number[]): Buffer {
  const width = process.arch === 'ia32' || process.arch === 'arm' ? 4 : 8
  const list = Buffer.alloc(width * mechanisms.length)
  mechanisms.forEach((mechanism, index) => {
    list.writeUInt32LE(mechanism, width * index)
  })
  return list
}

/** The master key without an unwrap template, which only `softhsm/master-key.c` can set. */
export function masterKeyTemplate(options: { allowedMechanisms: boolean }): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
    { type: pkcs11.CKA_VALUE_LEN, value: 32 },
    { type: pkcs11.CKA_LABEL, value: masterKeyLabel },
    { type: pkcs11.CKA_ID, value: Buffer.from(masterKeyLabel) },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    { type: pkcs11.CKA_WRAP, value: true },
    { type: pkcs11.CKA_UNWRAP, value: true },
    { type: pkcs11.CKA_ENCRYPT, value: false },
    { type: pkcs11.CKA_DECRYPT, value: false },
    { type: pkcs11.CKA_SIGN, value: false },
    { type: pkcs11.CKA_VERIFY, value: false },
    { type: pkcs11.CKA_DERIVE, value: false },
    ...(options.allowedMechanisms
      ? [
          { type: pkcs11.CKA_ALLOWED_MECHANISMS, value: mechanismList(pkcs11.CKM_AES_KEY_WRAP_PAD) },
          { type: pkcs11.CKA_COPYABLE, value: false },
          { type: pkcs11.CKA_DESTROYABLE, value: false }
        ]
      : []),
    { type: pkcs11.CKA_MODIFIABLE, value: false }
  ]
}

/** The seal key: computes HMAC-SHA-256 and nothing else. */
export function sealKeyTemplate(options: { allowedMechanisms: boolean }): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_GENERIC_SECRET },
    { type: pkcs11.CKA_VALUE_LEN, value: 32 },
    { type: pkcs11.CKA_LABEL, value: sealKeyLabel },
    { type: pkcs11.CKA_ID, value: Buffer.from(sealKeyLabel) },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    { type: pkcs11.CKA_SIGN, value: true },
    { type: pkcs11.CKA_VERIFY, value: false },
    { type: pkcs11.CKA_WRAP, value: false },
    { type: pkcs11.CKA_UNWRAP, value: false },
    { type: pkcs11.CKA_ENCRYPT, value: false },
    { type: pkcs11.CKA_DECRYPT, value: false },
    { type: pkcs11.CKA_DERIVE, value: false },
    ...(options.allowedMechanisms
      ? [
          { type: pkcs11.CKA_ALLOWED_MECHANISMS, value: mechanismList(pkcs11.CKM_SHA256_HMAC) },
          { type: pkcs11.CKA_COPYABLE, value: false },
          { type: pkcs11.CKA_DESTROYABLE, value: false }
        ]
      : []),
    { type: pkcs11.CKA_MODIFIABLE, value: false }
  ]
}

/** The encryption key: AES-256-GCM, both ways, and nothing else. */
export function encryptionKeyTemplate(options: { allowedMechanisms: boolean }): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
    { type: pkcs11.CKA_VALUE_LEN, value: 32 },
    { type: pkcs11.CKA_LABEL, value: encryptionKeyLabel },
    { type: pkcs11.CKA_ID, value: Buffer.from(encryptionKeyLabel) },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    { type: pkcs11.CKA_ENCRYPT, value: true },
    { type: pkcs11.CKA_DECRYPT, value: true },
    { type: pkcs11.CKA_WRAP, value: false },
    { type: pkcs11.CKA_UNWRAP, value: false },
    { type: pkcs11.CKA_SIGN, value: false },
    { type: pkcs11.CKA_VERIFY, value: false },
    { type: pkcs11.CKA_DERIVE, value: false },
    ...(options.allowedMechanisms
      ? [
          { type: pkcs11.CKA_ALLOWED_MECHANISMS, value: mechanismList(pkcs11.CKM_AES_GCM) },
          { type: pkcs11.CKA_COPYABLE, value: false },
          { type: pkcs11.CKA_DESTROYABLE, value: false }
        ]
      : []),
    { type: pkcs11.CKA_MODIFIABLE, value: false }
  ]
}

/** What a key pair is made for. */
export type Birth =
  /** Wrapped at once, then destroyed. */
  | { kind: 'session' }
  /** A private token object; `keepPublic` stores its public half beside it. */
  | { kind: 'token'; label: string; id: Uint8Array; keepPublic: boolean }

/** Mechanism and both templates for C_GenerateKeyPair. */
export function keyPairGeneration(
  algorithm: KeyAlgorithm,
  birth: Birth
): { mechanism: pkcs11.Mechanism; publicTemplate: Template; privateTemplate: Template } {
  const facts = algorithms[algorithm]
  const names =
    birth.kind === 'token'
      ? [
          { type: pkcs11.CKA_LABEL, value: birth.label },
          { type: pkcs11.CKA_ID, value: Buffer.from(birth.id) }
        ]
      : []
  return {
    mechanism: {
      mechanism: facts.type === 'RSA' ? pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN : pkcs11.CKM_EC_KEY_PAIR_GEN
    },
    publicTemplate: [
      ...(facts.type === 'RSA'
        ? [
            { type: pkcs11.CKA_MODULUS_BITS, value: facts.modulusBits },
            { type: pkcs11.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) }
          ]
        : [{ type: pkcs11.CKA_EC_PARAMS, value: facts.parameters }]),
      ...(birth.kind === 'token' && birth.keepPublic ? names : []),
      { type: pkcs11.CKA_TOKEN, value: birth.kind === 'token' && birth.keepPublic },
      { type: pkcs11.CKA_PRIVATE, value: false },
      { type: pkcs11.CKA_VERIFY, value: true },
      { type: pkcs11.CKA_ENCRYPT, value: false },
      { type: pkcs11.CKA_WRAP, value: false },
      ...(facts.type === 'RSA' ? [{ type: pkcs11.CKA_VERIFY_RECOVER, value: false }] : [])
    ],
    privateTemplate: [
      ...names,
      { type: pkcs11.CKA_TOKEN, value: birth.kind === 'token' },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: true },
      { type: pkcs11.CKA_EXTRACTABLE, value: birth.kind === 'session' },
      ...signOnly,
      ...(birth.kind === 'token' ? [{ type: pkcs11.CKA_MODIFIABLE, value: false }] : [])
    ]
  }
}

const signOnly: Template = [
  { type: pkcs11.CKA_SIGN, value: true },
  { type: pkcs11.CKA_SIGN_RECOVER, value: false },
  { type: pkcs11.CKA_DECRYPT, value: false },
  { type: pkcs11.CKA_UNWRAP, value: false },
  { type: pkcs11.CKA_DERIVE, value: false }
]

/** A subscriber key in use: a session object that cannot be read, wrapped again, copied weaker or loosened. */
export function unwrappedKeyTemplate(algorithm: KeyAlgorithm): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: keyTypeOf(algorithm) },
    { type: pkcs11.CKA_TOKEN, value: false },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    ...signOnly,
    { type: pkcs11.CKA_MODIFIABLE, value: false }
  ]
}

/** What finds a subscriber's private key in the token. */
export function subscriberKeySearch(tokenKeyId: Uint8Array): Template {
  const id = Buffer.from(tokenKeyId)
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_ID, value: id },
    // The label as well: a row must not be able to name a key of the installation.
    { type: pkcs11.CKA_LABEL, value: `${subscriberLabelPrefix}${id.toString('utf8')}` }
  ]
}

/** What finds one half of an installation key. */
export function installationKeySearch(label: string, half: 'private' | 'public'): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: half === 'private' ? pkcs11.CKO_PRIVATE_KEY : pkcs11.CKO_PUBLIC_KEY },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_LABEL, value: label }
  ]
}

/** What finds the master key, the seal key or the encryption key. */
export function secretKeySearch(label: string): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_LABEL, value: label }
  ]
}
