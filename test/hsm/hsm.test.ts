import { randomBytes } from 'node:crypto'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import pkcs11 from 'pkcs11js'
import t from 'tap'
import { ServiceError } from '../../src/errors.js'
import type { HashAlgorithm, KeyAlgorithm, StoredKey } from '../../src/hsm/hsm.js'
import { makeMasterKey } from '../../src/hsm/master-key.js'
import { openHsm } from '../../src/hsm/open.js'
import { mechanismList, unwrappedKeyTemplate } from '../../src/hsm/templates.js'
import {
  digestOf,
  ending,
  eventually,
  messages,
  modulePath,
  open,
  opensslVerdict,
  rawAccess,
  schemesOf,
  settingsFor,
  signatureIn,
  temporaryFolder,
  verifies
} from './world.js'

const ecdsa = { type: 'ecdsa', hash: 'SHA-256' } as const
const pkcs1 = { type: 'pkcs1', hash: 'SHA-256' } as const
const one = messages(1)

t.test('keys under the master key (KEY_STORAGE=wrapped)', async (t) => {
  const folder = temporaryFolder(t)
  const hsm = await open(t, folder)
  const [rsa, otherRsa, ec, otherEc] = await Promise.all([
    hsm.keys.generate('rsa', 'RSA-2048'),
    hsm.keys.generate('other-rsa', 'RSA-2048'),
    hsm.keys.generate('ec', 'P-256'),
    hsm.keys.generate('other-ec', 'P-256')
  ])

  await t.test('every key type signs every hash by every scheme that fits it', async (t) => {
    const further: KeyAlgorithm[] = ['P-384', 'RSA-3072', 'RSA-4096']
    const keys = [
      rsa,
      ec,
      ...(await Promise.all(further.map((name) => hsm.keys.generate(`a ${name}`, name))))
    ]
    for (const key of keys) {
      t.equal(key.tokenKeyId, null)
      for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] satisfies HashAlgorithm[]) {
        for (const scheme of schemesOf(key.algorithm, hash)) {
          const { texts, digests } = messages(3, hash)
          const results = await hsm.keys.sign(key, scheme, digests)
          const good = texts.map((text, i) => verifies(key.spki, scheme, text, signatureIn(results[i])))
          t.same(good, [true, true, true], `${key.algorithm} ${JSON.stringify(scheme)}`)
        }
      }
    }
  })

  await t.test('openssl verifies what was signed, and not another digest', async (t) => {
    for (const key of [rsa, ec]) {
      for (const scheme of schemesOf(key.algorithm, 'SHA-384')) {
        const [digest = new Uint8Array(), another = digest] = messages(2, 'SHA-384').digests
        const signature = signatureIn((await hsm.keys.sign(key, scheme, [digest]))[0])
        const verdict = await opensslVerdict(folder, key.spki, scheme, digest, signature)
        t.equal(verdict, 'Signature Verified Successfully')
        await t.rejects(opensslVerdict(folder, key.spki, scheme, another, signature))
      }
    }
  })

  await t.test('ECDSA values of every length become strict DER', async (t) => {
    // Short and long integers: one in 128 signatures has a leading zero octet in r or s.
    const { texts, digests } = messages(600)
    const results = await hsm.keys.sign(ec, ecdsa, digests)
    t.equal(texts.filter((text, i) => verifies(ec.spki, ecdsa, text, signatureIn(results[i]))).length, 600)
    t.ok(new Set(results.map((result) => signatureIn(result).length)).size > 2)
  })

  await t.test('a digest, salt or scheme that does not fit is refused before the HSM is asked', async (t) => {
    const before = hsm.stats()
    const digest = one.digests[0] ?? new Uint8Array()
    const pss = (saltLength: number) => ({ type: 'pss', hash: 'SHA-256', saltLength }) as const
    await t.rejects(hsm.keys.sign(ec, ecdsa, [new Uint8Array(20)]), RangeError)
    await t.rejects(hsm.keys.sign(ec, ecdsa, [digest, new Uint8Array(0)]), RangeError)
    await t.rejects(hsm.keys.sign(rsa, { ...pkcs1, hash: 'SHA-512' }, [digest]), RangeError)
    await t.rejects(hsm.keys.sign(rsa, ecdsa, [digest]), RangeError)
    await t.rejects(hsm.keys.sign(ec, pkcs1, [digest]), RangeError)
    await t.rejects(hsm.keys.sign(rsa, pss(223), [digest]), RangeError)
    await t.rejects(hsm.keys.sign(rsa, pss(-1), [digest]), RangeError)
    await t.rejects(hsm.keys.generate('', 'P-256'), RangeError)
    t.equal(hsm.stats().signatures, before.signatures)
    // RFC 8017 §9.1.1: 256 - 32 - 2 octets of salt just fit.
    const longest = await hsm.keys.sign(rsa, pss(222), [digest])
    t.ok(verifies(rsa.spki, pss(222), one.texts[0] ?? digest, signatureIn(longest[0])))
  })

  await t.test("a blob under another key's name is refused, whether that key is loaded or not", async (t) => {
    const swapped = (key: StoredKey, by: StoredKey, id: string): StoredKey => ({
      ...key,
      id,
      wrapped: by.wrapped
    })
    for (const [key, other, scheme] of [
      [rsa, otherRsa, pkcs1],
      [ec, otherEc, ecdsa]
    ] as const) {
      t.equal(ending((await hsm.keys.sign(key, scheme, one.digests))[0]), 'signed')
      for (const id of [key.id, `${key.id} unknown so far`]) {
        const results = await hsm.keys.sign(swapped(key, other, id), scheme, messages(3).digests)
        t.same(results.map(ending), Array(3).fill('refused key_mismatch'))
      }
      // The key's own public key replaced instead.
      const renamed = await hsm.keys.sign({ ...key, spki: other.spki }, scheme, one.digests)
      t.equal(ending(renamed[0]), 'refused key_mismatch')
      t.equal(ending((await hsm.keys.sign(key, scheme, one.digests))[0]), 'signed')
    }
    t.equal(
      ending((await hsm.keys.sign(swapped(ec, rsa, 'x'), ecdsa, one.digests))[0]),
      'refused key_invalid'
    )
    const damaged = new Uint8Array(ec.wrapped ?? [])
    damaged[20] = (damaged[20] ?? 0) ^ 1
    const broken = await hsm.keys.sign({ ...ec, id: 'damaged', wrapped: damaged }, ecdsa, one.digests)
    t.equal(ending(broken[0]), 'refused key_invalid')
    await t.rejects(hsm.keys.sign({ ...ec, wrapped: null }, ecdsa, one.digests), TypeError)
  })

  await t.test('with PIN and blob, nobody gets a readable key', async (t) => {
    const { lib, session, find } = rawAccess()
    const [master, ...further] = find(
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_LABEL, value: 'kyso master key' }
    )
    if (master === undefined) throw new Error('no master key')
    t.equal(further.length, 0, 'there is one master key')
    const wrapping = { mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD }
    const unwrap = (changes: ReadonlyMap<number, boolean>) =>
      lib.C_UnwrapKey(
        session,
        wrapping,
        master,
        Buffer.from(rsa.wrapped ?? []),
        unwrappedKeyTemplate('RSA-2048').map((a) => ({ ...a, value: changes.get(a.type) ?? a.value }))
      )
    const inconsistent = { message: 'CKR_TEMPLATE_INCONSISTENT' }
    const [secret, free, open] = [pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_PRIVATE]
    t.throws(
      () =>
        unwrap(
          new Map([
            [secret, false],
            [free, true]
          ])
        ),
      inconsistent
    )
    t.throws(() => unwrap(new Map([[secret, false]])), inconsistent)
    t.throws(() => unwrap(new Map([[free, true]])), inconsistent)
    t.throws(() => unwrap(new Map([[open, false]])), inconsistent)

    const honest = unwrap(new Map())
    const read = { message: 'CKR_ATTRIBUTE_SENSITIVE' }
    t.throws(() => lib.C_GetAttributeValue(session, honest, [{ type: pkcs11.CKA_PRIVATE_EXPONENT }]), read)
    t.throws(() => lib.C_WrapKey(session, wrapping, master, honest, Buffer.alloc(4096)))
    t.throws(() => lib.C_SetAttributeValue(session, honest, [{ type: free, value: true }]))
    t.throws(() => lib.C_CopyObject(session, honest, [{ type: secret, value: false }]))

    for (const mechanism of [pkcs11.CKM_AES_ECB, pkcs11.CKM_AES_KEY_WRAP_PAD, pkcs11.CKM_AES_CBC_PAD]) {
      t.throws(() => lib.C_DecryptInit(session, { mechanism, parameter: Buffer.alloc(16) }, master))
      t.throws(() => lib.C_EncryptInit(session, { mechanism, parameter: Buffer.alloc(16) }, master))
    }
    t.throws(() => lib.C_SetAttributeValue(session, master, [{ type: pkcs11.CKA_DECRYPT, value: true }]))
    t.throws(() => lib.C_GetAttributeValue(session, master, [{ type: pkcs11.CKA_VALUE }]), read)
    t.throws(() => lib.C_CopyObject(session, master, [{ type: pkcs11.CKA_TOKEN, value: false }]))
    t.throws(() => lib.C_DestroyObject(session, master))
    const allowed = { type: pkcs11.CKA_ALLOWED_MECHANISMS, value: mechanismList(pkcs11.CKM_AES_ECB) }
    t.throws(() => lib.C_SetAttributeValue(session, master, [allowed]))
    t.same(hsm.notices, [], 'so there is nothing to warn of')
    lib.C_CloseSession(session)
  })

  await t.test('a wrapped key leaves nothing in the token', async (t) => {
    const { lib, session, find } = rawAccess()
    t.same(find({ type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PUBLIC_KEY }), [])
    const inToken = { type: pkcs11.CKA_TOKEN, value: true }
    t.same(find({ type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY }, inToken), [])
    t.same(await hsm.storedTokenKeyIds(), [])
    lib.C_CloseSession(session)
  })

  await t.test('sessions closed from outside are opened again', async (t) => {
    const { lib, slot } = rawAccess()
    lib.C_CloseAllSessions(slot)
    const results = await hsm.keys.sign(ec, ecdsa, messages(40).digests)
    t.same(new Set(results.map(ending)), new Set(['signed']))
    await eventually(() => hsm.check())
    t.equal((await hsm.mac([digestOf(new Uint8Array(1))])).length, 1)
    await eventually(() => hsm.keys.generate('after', 'P-256'))
  })
})

t.test('without a compiler, or with a module that cannot do it, what is weaker is said', async (t) => {
  const folder = temporaryFolder(t)
  const bare = await open(t, folder, { keyStorage: 'token', workers: 1 })
  t.same(bare.notices, [], 'token storage needs no master key')
  const { lib, session } = rawAccess()
  const said: string[] = []
  await makeMasterKey(lib, session, {
    exclusive: (work) => work(),
    program: async () => ({ made: false, why: 'there is no C compiler' }),
    log: (message) => said.push(message)
  })
  t.same(said, ['the master key is made without an unwrap template: there is no C compiler'])
  await bare.close()
  const hsm = await open(t, folder, { workers: 1 })
  t.equal(hsm.notices.length, 1)
  t.match(hsm.notices[0], /^Whoever holds the token PIN and the database can read subscriber keys/)
  const key = await hsm.keys.generate('k', 'P-256')
  t.equal(ending((await hsm.keys.sign(key, ecdsa, one.digests))[0]), 'signed')
})

t.test('a small cache gives up keys and loads them again', async (t) => {
  const hsm = await open(t, temporaryFolder(t), { keyCacheSize: 4, workers: 2 })
  const keys = await Promise.all(Array.from({ length: 12 }, (_, i) => hsm.keys.generate(`k${i}`, 'P-256')))
  for (let round = 0; round < 3; round += 1) {
    const { texts, digests } = messages(keys.length)
    const results = await Promise.all(
      keys.map((key, i) => hsm.keys.sign(key, ecdsa, digests.slice(i, i + 1)))
    )
    const good = keys.map((key, i) =>
      verifies(key.spki, ecdsa, texts[i] ?? new Uint8Array(), signatureIn(results[i]?.[0]))
    )
    t.same(good, Array(keys.length).fill(true))
  }
  const { keyLoads, keysLoaded } = hsm.stats()
  t.ok(keyLoads > 12, `${keyLoads} loads`)
  t.ok(keysLoaded <= 4, `${keysLoaded} held`)
  t.ok(hsm.keys.paceMs('P-256') > 0)
  t.ok(hsm.keys.paceMs('RSA-2048') > hsm.keys.paceMs('P-256'), 'a costlier key takes longer')
  const [first] = keys
  if (first === undefined) throw new Error('no key')
  await hsm.keys.destroy(first)
  await hsm.keys.destroy(first)
  t.equal(ending((await hsm.keys.sign(first, ecdsa, one.digests))[0]), 'signed', 'its blob still opens it')
})

t.test('keys made ahead are each handed out once, under the name asked for, and are bounded', async (t) => {
  const hsm = await open(t, temporaryFolder(t), { preparedKeys: 2 })
  await eventually(async () => {
    if (hsm.stats().keysPrepared < 4) throw new Error('not all are made yet')
  })
  t.equal(hsm.stats().keysPrepared, 4, 'two of each common algorithm')
  const keys = await Promise.all(Array.from({ length: 5 }, (_, i) => hsm.keys.generate(`own-${i}`, 'P-256')))
  t.same(
    keys.map(({ id }) => id),
    ['own-0', 'own-1', 'own-2', 'own-3', 'own-4']
  )
  t.equal(new Set(keys.map(({ spki }) => Buffer.from(spki).toString('hex'))).size, 5, 'no key twice')
  const { texts, digests } = messages(1)
  for (const key of keys) {
    const [result] = await hsm.keys.sign(key, ecdsa, digests)
    t.ok(verifies(key.spki, ecdsa, texts[0] ?? new Uint8Array(), signatureIn(result)))
  }
  t.match(await hsm.keys.generate('larger', 'P-384'), { id: 'larger', algorithm: 'P-384' })
})

t.test('private token objects (KEY_STORAGE=token)', async (t) => {
  const folder = temporaryFolder(t)
  let hsm = await open(t, folder, { keyStorage: 'token' })
  await hsm.tokenKey('authority', 'P-256')
  const keys = await Promise.all([hsm.keys.generate('ký số 1', 'P-256'), hsm.keys.generate('r', 'RSA-2048')])
  const [ec, rsa] = keys
  t.same(ec.wrapped, null)
  t.same(Buffer.from(ec.tokenKeyId ?? []).toString('utf8'), 'ký số 1')
  const names = async () =>
    (await hsm.storedTokenKeyIds()).map((id) => Buffer.from(id).toString('utf8')).sort()
  t.same(await names(), ['ký số 1', 'r'], 'only subscriber keys are listed')

  await hsm.close()
  hsm = await open(t, folder, { keyStorage: 'token' })
  for (const [key, scheme] of [
    [ec, ecdsa],
    [rsa, pkcs1]
  ] as const) {
    const [text = new Uint8Array()] = one.texts
    const signature = signatureIn((await hsm.keys.sign(key, scheme, one.digests))[0])
    t.ok(verifies(key.spki, scheme, text, signature), `${key.algorithm} signs after a restart`)
  }
  t.equal(
    ending((await hsm.keys.sign({ ...ec, tokenKeyId: Buffer.from('r') }, ecdsa, one.digests))[0]),
    'refused key_mismatch'
  )
  const named = Buffer.from('authority')
  t.equal(
    ending((await hsm.keys.sign({ ...ec, id: 'x', tokenKeyId: named }, ecdsa, one.digests))[0]),
    'refused unavailable',
    'a row cannot name a key of the installation'
  )
  const { lib, session, find } = rawAccess()
  const [handle] = find({ type: pkcs11.CKA_ID, value: Buffer.from('r') })
  if (handle === undefined) throw new Error('no key')
  for (const change of [
    { type: pkcs11.CKA_SENSITIVE, value: false },
    { type: pkcs11.CKA_EXTRACTABLE, value: true }
  ]) {
    t.throws(() => lib.C_SetAttributeValue(session, handle, [change]))
    t.throws(() => lib.C_CopyObject(session, handle, [change]))
  }
  t.throws(() => lib.C_GetAttributeValue(session, handle, [{ type: pkcs11.CKA_PRIVATE_EXPONENT }]))
  lib.C_CloseSession(session)

  await hsm.keys.destroy(rsa)
  await hsm.keys.destroy(rsa)
  t.same(await names(), ['ký số 1'])
  t.equal(ending((await hsm.keys.sign(rsa, pkcs1, one.digests))[0]), 'refused unavailable')
})

t.test('keys of the installation, the seal, and opening again', async (t) => {
  const folder = temporaryFolder(t)
  let hsm = await open(t, folder)
  const longMessages = Array.from({ length: 70 }, (_, i) => Buffer.from(`row ${i}`))
  const macs = await hsm.mac(longMessages)
  t.equal(
    new Set(macs.map((mac) => Buffer.from(mac).toString('hex'))).size,
    70,
    'every message has its own MAC'
  )
  t.ok(macs.every((mac) => mac.length === 32))
  t.same(await hsm.mac([]), [])
  await t.rejects(hsm.mac([new Uint8Array(0)]), RangeError)
  await t.rejects(hsm.mac([new Uint8Array(70_000)]), RangeError)
  t.same(await hsm.mac(longMessages.slice(0, 1)), macs.slice(0, 1), 'a refused message leaves nothing behind')

  const made = await Promise.all([
    hsm.tokenKey('root', 'P-384'),
    hsm.tokenKey('issuer', 'RSA-2048'),
    hsm.tokenKey('ocsp', 'P-256'),
    hsm.tokenKey('ocsp', 'P-256')
  ])
  t.same(made[2].spki, made[3].spki, 'asked twice at once, made once')
  for (const key of made) {
    const scheme = key.algorithm === 'RSA-2048' ? pkcs1 : ecdsa
    const [text = new Uint8Array()] = one.texts
    const [digest = new Uint8Array()] = one.digests
    t.ok(verifies(key.spki, scheme, text, await key.sign(scheme, digest, 'der')))
    t.ok(verifies(key.spki, scheme, text, await key.sign(scheme, digest, 'p1363'), 'ieee-p1363'))
    await t.rejects(key.sign(scheme, new Uint8Array(20), 'der'), RangeError)
  }
  await t.rejects(hsm.tokenKey('subscriber:x', 'P-256'), RangeError)
  await t.rejects(hsm.tokenKey('kyso seal key', 'P-256'), RangeError)
  await t.rejects(hsm.tokenKey('kyso encryption key', 'P-256'), RangeError)

  // What a kill between the two halves leaves: a public key alone.
  const { lib, session, find } = rawAccess()
  const half = (value: number) => ({ type: pkcs11.CKA_CLASS, value })
  const ocsp = { type: pkcs11.CKA_LABEL, value: 'ocsp' }
  for (const handle of find(half(pkcs11.CKO_PRIVATE_KEY), ocsp)) lib.C_DestroyObject(session, handle)
  const renewed = await hsm.tokenKey('ocsp', 'P-256')
  t.notSame(renewed.spki, made[2].spki)
  t.equal(find(half(pkcs11.CKO_PUBLIC_KEY), ocsp).length, 1, 'the orphan is gone')
  // The public half of an RSA key can be done without; that of an EC key is missed.
  for (const handle of find(half(pkcs11.CKO_PUBLIC_KEY))) lib.C_DestroyObject(session, handle)
  t.same((await hsm.tokenKey('issuer', 'RSA-2048')).spki, made[1].spki)
  await t.rejects(hsm.tokenKey('root', 'P-384'), { code: 'hsm_unavailable' })
  lib.C_CloseSession(session)

  const key = await hsm.keys.generate('k', 'P-256')
  await t.rejects(
    openHsm(settingsFor(folder), () => undefined),
    TypeError,
    'a process opens a module once'
  )
  await hsm.close()
  await hsm.close()
  await t.rejects(hsm.mac([Buffer.from('x')]), { code: 'hsm_unavailable' })
  await t.rejects(hsm.check(), { code: 'hsm_unavailable' })
  t.equal(ending((await hsm.keys.sign(key, ecdsa, one.digests))[0]), 'refused unavailable')

  hsm = await open(t, folder)
  t.same(await hsm.mac(longMessages), macs, 'the seal outlives a restart')
  t.same((await hsm.tokenKey('issuer', 'RSA-2048')).spki, made[1].spki)
  t.equal(ending((await hsm.keys.sign(key, ecdsa, one.digests))[0]), 'signed')
})

t.test('a secret that is read back', async (t) => {
  const folder = temporaryFolder(t)
  let hsm = await open(t, folder, { workers: 1 })
  const secret = Buffer.from('bí mật của cổng')
  const encrypted = await hsm.secrets.encrypt(secret, 'relying_parties/vnpt/a')

  await t.test('is read where it was written, and looks different every time', async (t) => {
    t.equal(encrypted.length, 12 + secret.length + 16)
    t.same(Buffer.from(await hsm.secrets.decrypt(encrypted, 'relying_parties/vnpt/a')), secret)
    t.notSame(await hsm.secrets.encrypt(secret, 'relying_parties/vnpt/a'), encrypted)
    const long = randomBytes(4_096)
    t.same(Buffer.from(await hsm.secrets.decrypt(await hsm.secrets.encrypt(long, 'x'), 'x')), long)
  })
  await t.test('is none in another row, nor with one bit changed, nor cut', async (t) => {
    await t.rejects(hsm.secrets.decrypt(encrypted, 'relying_parties/vnpt/b'), { code: 'integrity_broken' })
    for (const position of [0, 12, encrypted.length - 1]) {
      const changed = Uint8Array.from(encrypted)
      changed[position] = (changed[position] ?? 0) ^ 1
      await t.rejects(hsm.secrets.decrypt(changed, 'relying_parties/vnpt/a'), { code: 'integrity_broken' })
    }
    for (const length of [0, 28, encrypted.length - 1]) {
      const cut = encrypted.subarray(0, length)
      await t.rejects(hsm.secrets.decrypt(cut, 'relying_parties/vnpt/a'), { code: 'integrity_broken' })
    }
    t.same(Buffer.from(await hsm.secrets.decrypt(encrypted, 'relying_parties/vnpt/a')), secret)
  })
  await t.test('has a length, and a place', async (t) => {
    await t.rejects(hsm.secrets.encrypt(new Uint8Array(0), 'x'), RangeError)
    await t.rejects(hsm.secrets.encrypt(new Uint8Array(4_097), 'x'), RangeError)
    await t.rejects(hsm.secrets.encrypt(secret, ''), RangeError)
  })
  await t.test('is AES-256-GCM by a key that does this alone and cannot be read', async (t) => {
    const { lib, session, find } = rawAccess()
    const [key, ...others] = find({ type: pkcs11.CKA_LABEL, value: 'kyso encryption key' })
    t.same(others, [])
    if (key === undefined) throw new Error('no encryption key')
    t.throws(() => lib.C_GetAttributeValue(session, key, [{ type: pkcs11.CKA_VALUE }]))
    const iv = Buffer.alloc(16)
    const cbc = { mechanism: pkcs11.CKM_AES_CBC_PAD, parameter: iv }
    t.throws(() => lib.C_DecryptInit(session, cbc, key), /MECHANISM_INVALID/)
    t.throws(() => lib.C_DestroyObject(session, key))
    lib.C_CloseSession(session)
  })
  await t.test('outlives a restart', async (t) => {
    await hsm.close()
    await t.rejects(hsm.secrets.decrypt(encrypted, 'relying_parties/vnpt/a'), { code: 'hsm_unavailable' })
    hsm = await open(t, folder, { workers: 1 })
    t.same(Buffer.from(await hsm.secrets.decrypt(encrypted, 'relying_parties/vnpt/a')), secret)
  })
})

t.test('opening fails with a reason', async (t) => {
  const folder = temporaryFolder(t)
  const opened = await open(t, folder, { workers: 1 })
  await opened.close()
  const attempt = async (changes: Parameters<typeof settingsFor>[1]) => {
    const error: unknown = await openHsm(settingsFor(folder, changes), () => undefined).catch(
      (e: unknown) => e
    )
    return error instanceof ServiceError ? `${error.code}: ${error.message}` : 'opened'
  }
  t.match(await attempt({ pin: '000000' }), /hsm_unavailable: the token refuses the PIN/)
  t.match(await attempt({ tokenLabel: 'nobody', soPin: null }), /hsm_unavailable: no token is called nobody/)
  t.match(await attempt({ modulePath: '/nowhere.so' }), /hsm_unavailable: cannot load .*\/nowhere\.so/)
  t.match(await attempt({ modulePath: process.execPath }), /hsm_unavailable: cannot load/)
  const hsm = await open(t, folder, { workers: 1 })
  await hsm.check()
})

t.test('a lost token turns the check red, and it recovers by itself', async (t) => {
  const folder = temporaryFolder(t)
  const hsm = await open(t, folder)
  const key = await hsm.keys.generate('k', 'P-256')
  const authority = await hsm.tokenKey('authority', 'P-256')
  const [mac] = await hsm.mac([Buffer.from('x')])
  await hsm.check()

  renameSync(join(folder, 'tokens'), join(folder, 'away'))
  await t.rejects(hsm.check(), { code: 'hsm_unavailable' })
  await t.rejects(hsm.mac([Buffer.from('x')]), { code: 'hsm_unavailable' })
  await t.rejects(authority.sign(ecdsa, digestOf(Buffer.from('x')), 'der'), { code: 'hsm_unavailable' })
  // In the end signing stops: nobody may sign with keys of a token that is not there.
  await eventually(async () => {
    const [result] = await hsm.keys.sign(key, ecdsa, one.digests)
    if (ending(result) !== 'refused unavailable') throw new Error(ending(result))
  })
  await t.rejects(hsm.keys.generate('k2', 'P-256'), { code: 'hsm_unavailable' })
  await t.rejects(hsm.check(), { code: 'hsm_unavailable' })

  renameSync(join(folder, 'away'), join(folder, 'tokens'))
  await eventually(() => hsm.check())
  t.same((await hsm.mac([Buffer.from('x')]))[0], mac)
  t.equal(ending((await hsm.keys.sign(key, ecdsa, one.digests))[0]), 'signed')
  await authority.sign(ecdsa, digestOf(Buffer.from('x')), 'der')
  await hsm.keys.generate('k2', 'P-256')
  t.equal(hsm.stats().uncertain, 0)
  t.equal(modulePath.endsWith('libsofthsm2.so'), true)
})
