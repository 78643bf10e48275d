import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { displayFault, displayText } from '../../src/activation/display-text.js'
import { newSad, readSad } from '../../src/activation/sad.js'
import { keyDescription, readAlgorithms } from '../../src/csc/algorithms.js'
import { readDigests } from '../../src/csc/digests.js'
import { CscFault, invalidRequest } from '../../src/csc/faults.js'
import { type AuthDatum, type AuthObject, holds, readAuthData } from '../../src/csc/v2/auth-objects.js'

const sha256 = '2.16.840.1.101.3.4.2.1'
const sha512 = '2.16.840.1.101.3.4.2.3'
const rsa = '1.2.840.113549.1.1.1'
const rsaSha256 = '1.2.840.113549.1.1.11'
const pss = '1.2.840.113549.1.1.10'
/** RSASSA-PSS-params with SHA-256, MGF1 over it and a salt of 32 octets. */
const pssSha256 = 'MDSgDzANBglghkgBZQMEAgEFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgEFAKIDAgEg'

t.test('digests are decoded once, at the edge', async (t) => {
  const digest = createHash('sha256').update('dossier').digest()
  for (const text of [
    digest.toString('base64'),
    digest.toString('base64').replace('=', ''),
    digest.toString('base64url')
  ]) {
    t.same(readDigests([text], 'SHA-256'), [digest], `accepts ${text}`)
  }
  await t.test(
    'a text that does not encode back to itself is refused: two spellings would be two digests',
    async (t) => {
      const spelled = digest.toString('base64')
      const last = spelled.at(-2) as string
      const other = `${spelled.slice(0, -2)}${String.fromCharCode(last.charCodeAt(0) + 1)}=`
      t.throws(() => readDigests([other], 'SHA-256'), invalidRequest('Invalid Base64 hash string parameter'))
    }
  )
  await t.test('the length must be that of the hash', async (t) => {
    for (const octets of [0, 20, 31, 33, 48, 64]) {
      t.throws(
        () => readDigests([randomBytes(octets).toString('base64')], 'SHA-256'),
        invalidRequest('Invalid digest value length')
      )
    }
  })
})

t.test('algorithms (CSC API v1 §11.9, v2 §11.10)', async (t) => {
  await t.test(
    'a signAlgo that names its hash needs no hashAlgorithmOID, and refuses another one',
    async (t) => {
      t.same(readAlgorithms({ signAlgo: rsaSha256 }), {
        hash: 'SHA-256',
        scheme: { type: 'pkcs1', hash: 'SHA-256' }
      })
      t.same(readAlgorithms({ signAlgo: rsaSha256, hashAlgorithmOID: sha256 }).hash, 'SHA-256')
      t.throws(
        () => readAlgorithms({ signAlgo: rsaSha256, hashAlgorithmOID: sha512 }),
        invalidRequest('Invalid parameter hashAlgorithmOID')
      )
    }
  )
  await t.test('rsaEncryption needs hashAlgorithmOID', async (t) => {
    t.throws(
      () => readAlgorithms({ signAlgo: rsa }),
      invalidRequest('Missing (or invalid type) string parameter hashAlgorithmOID')
    )
    t.same(readAlgorithms({ signAlgo: rsa, hashAlgorithmOID: sha512 }).scheme, {
      type: 'pkcs1',
      hash: 'SHA-512'
    })
  })
  await t.test('SHA-1 is refused in every form', async (t) => {
    t.throws(
      () => readAlgorithms({ signAlgo: rsa, hashAlgorithmOID: '1.3.14.3.2.26' }),
      invalidRequest('Invalid parameter hashAlgorithmOID')
    )
    t.throws(
      () => readAlgorithms({ signAlgo: '1.2.840.113549.1.1.5' }),
      invalidRequest('Invalid parameter signAlgo')
    )
    t.throws(
      () => readAlgorithms({ signAlgo: '1.2.840.10045.4.1' }),
      invalidRequest('Invalid parameter signAlgo')
    )
    // Parameters without fields mean SHA-1 (RFC 8017 §A.2.3).
    t.throws(
      () => readAlgorithms({ signAlgo: pss, signAlgoParams: 'MAA=' }),
      invalidRequest('Invalid parameter signAlgoParams')
    )
  })
  await t.test('PSS takes hash and salt length from its parameters', async (t) => {
    t.same(readAlgorithms({ signAlgo: pss, signAlgoParams: pssSha256 }), {
      hash: 'SHA-256',
      scheme: { type: 'pss', hash: 'SHA-256', saltLength: 32 }
    })
    t.throws(
      () => readAlgorithms({ signAlgo: pss }),
      invalidRequest('Missing (or invalid type) string parameter signAlgoParams')
    )
  })
  await t.test('a key lists generic and hash-specific OIDs, since clients look for either', async (t) => {
    t.ok(keyDescription('RSA-2048').algo.includes(rsa) && keyDescription('RSA-2048').algo.includes(rsaSha256))
    t.match(keyDescription('P-256'), { len: 256, curve: '1.2.840.10045.3.1.7' })
  })
})

t.test('a SAD names its activation to us and nothing to anybody else', async (t) => {
  const id = '019380f0-0000-7000-8000-000000000001'
  const { sad, sadSha256 } = newSad(id)
  t.same(readSad(sad), { activationId: id, sadSha256 })
  t.not(newSad(id).sad, sad)
  for (const bad of ['', 'x', `${sad}A`, sad.replace(/^./, '!'), randomBytes(48).toString('base64')]) {
    const read = readSad(bad)
    t.ok(read === null || read.activationId !== id, JSON.stringify(bad))
  }
})

t.test('text for a person’s eyes carries nothing that makes it read otherwise', async (t) => {
  t.equal(displayText('Ký\u202e hồ sơ\u0000\n số 1', 500), 'Ký hồ sơ số 1')
  t.equal(displayText('e\u0302', 500), 'ê')
  t.equal(displayText('a'.repeat(20), 10), `${'a'.repeat(9)}…`)
  const shown: [text: string, as: string, why: string][] = [
    ['a\u3164\uffa0\u115f\u2800b', 'ab', 'letters drawn as nothing'],
    ['a\u034fb\ufe0fc\u{e0100}d\u{e0041}', 'abcd', 'what fonts leave out'],
    ['a\u0378b\ue000c\ud800d', 'abcd', 'unassigned, private and half code points'],
    [`a${'\u0301\u0489'.repeat(60)}`, 'á\u0489\u0301', 'marks over marks'],
    ['e\u200d\u0301', 'é', 'NFC comes last'],
    ['\u0301a \u0323b', 'a b', 'marks on nothing'],
    ['a\u00a0\u00a0 \u200b b', 'a b', 'blanks'],
    ['\u3164', '', 'nothing at all']
  ]
  for (const [text, as, why] of shown) t.equal(displayText(text, 500), as, why)
})

t.test('Vietnamese is shown as it is written, in whatever form it came', async (t) => {
  const vowels = [...'aăâeêioôơuưy'].flatMap((vowel) =>
    ['', '\u0300', '\u0301', '\u0303', '\u0309', '\u0323'].map((tone) => `${vowel}${tone}`.normalize('NFC'))
  )
  const letters = [...'bcdđghklmnpqrstvx', ...vowels]
  const text = [...letters, ...letters.map((letter) => letter.toUpperCase())].join('')
  t.equal([...text].length, 2 * (17 + 72))
  for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) {
    t.equal(displayText(text.normalize(form), 500), text, form)
    t.equal(displayFault(text.normalize(form).normalize('NFC'), 500), null, form)
  }
  t.equal(
    displayText('Nguyễn Thị Ngọc Ưu, Trường THCS Bế Văn Đàn'.normalize('NFD'), 500),
    'Nguyễn Thị Ngọc Ưu, Trường THCS Bế Văn Đàn'
  )
})

t.test('authData (CSC API v2 §8.3)', async (t) => {
  const object = (type: AuthObject['type'], id: string): AuthObject => ({
    type,
    id,
    label: id,
    description: id
  })
  const objects = [
    object('Password', 'PIN'),
    object('PasswordOOB', 'phonePIN'),
    object('ChallengeResponse', 'OTP'),
    object('ChallengeResponseOOB', 'biometric')
  ]
  const expression = '(PIN XOR OTP) AND (phonePIN OR biometric)'
  const read = (...given: AuthDatum[]) => [...readAuthData({ objects, expression }, given)]
  const refused = new CscFault(400, 'invalid_authentication_data', 'The authentication data is invalid')
  const [pin, otp] = [
    { id: 'PIN', value: '1234' },
    { id: 'OTP', value: '567890' }
  ]
  t.same(read(pin, { id: 'biometric' }), [
    ['PIN', '1234'],
    ['biometric', '']
  ])
  t.ok(read(otp, { id: 'phonePIN', value: '' }))
  t.ok(read({ id: 'biometric' }, { id: 'phonePIN' }, otp))
  for (const [given, why] of [
    [[], 'nothing'],
    [[pin], 'no factor out of band'],
    [[pin, otp, { id: 'biometric' }], 'both of what one is asked for'],
    [[{ id: 'PIN' }, { id: 'biometric' }], 'no value in band'],
    [[{ id: 'PIN', value: '' }, { id: 'biometric' }], 'an empty one'],
    [[pin, pin, { id: 'biometric' }], 'one twice'],
    [[pin, { id: 'biometric', value: 'face' }], 'a value out of band'],
    [[pin, { id: 'phonePIN', value: '1234' }], 'the same'],
    [[pin, { id: 'biometric' }, { id: 'iris' }], 'one that is unknown']
  ] as [AuthDatum[], string][]) {
    t.throws(() => read(...given), refused, why)
  }
  t.ok(readAuthData({ objects: [], expression: '' }, []), 'no objects need an empty list')

  const of = (...present: string[]) => new Set(present)
  for (const [text, present, value] of [
    ['', [], true],
    ['a', [], false],
    ['a AND b', ['a'], false],
    ['a OR b AND c', ['a'], true],
    ['(a OR b) AND c', ['a'], false],
    ['a XOR b', ['a', 'b'], false],
    ['a XOR b AND c', ['a', 'b'], true],
    ['a OR b XOR c', ['a', 'b', 'c'], true],
    ['a XOR b XOR c', ['a', 'b', 'c'], true]
  ] as [string, string[], boolean][]) {
    t.equal(holds(text, of(...present)), value, `${text || 'nothing'} with ${present}`)
  }
  for (const broken of ['a AND', '(a', 'a b', ')', 'AND a AND'])
    t.throws(() => holds(broken, of('a')), SyntaxError, broken)
})
