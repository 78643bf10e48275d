import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { codeSha256, newCode } from '../../src/enrolment/code-text.js'
import { readDeviceKey } from '../../src/enrolment/device-key.js'
import { readText } from '../../src/enrolment/texts.js'

t.test('an activation code is 16 Crockford base32 characters', async (t) => {
  const codes = Array.from({ length: 200 }, newCode)
  for (const code of codes) t.match(code, /^[0-9A-HJKMNP-TV-Z]{16}$/)
  t.equal(new Set(codes).size, codes.length)
})

t.test('a code is the same code however it is typed', async (t) => {
  const same = ['7Q2M9KX4T0B1D3WP', '7q2m-9kx4-t0b1-d3wp', '7Q2M 9KX4 TOBI D3WP', '7q2m9kx4tobld3wp']
  const [first, ...others] = same.map((entered) => codeSha256(entered))
  for (const other of others) t.same(other, first)
})

t.test('what is not a code is not looked up', async (t) => {
  for (const entered of [
    '',
    '7Q2M9KX4T0B1D3W',
    '7Q2M9KX4T0B1D3WPX',
    '7Q2M9KX4T0B1D3WU',
    '7Q2M9KX4T0B1D3W\0'
  ]) {
    t.equal(codeSha256(entered), null)
  }
})

t.test('a device key is a public EC key on P-256 and nothing else', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  t.same(readDeviceKey(jwk), publicKey.export({ format: 'der', type: 'spki' }))
  t.same(
    readDeviceKey({ ...jwk, ext: true, key_ops: ['verify'], alg: 'ES256', use: 'sig' }),
    readDeviceKey(jwk)
  )

  const flipped = Buffer.from(jwk.y ?? '', 'base64url')
  flipped.writeUInt8((flipped.at(31) ?? 0) ^ 1, 31)
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const refusals: [string, unknown, RegExp][] = [
    ['a private key', privateKey.export({ format: 'jwk' }), /private key/],
    ['a private key that is null', { ...jwk, d: null }, /private key/],
    ['a point that is not on the curve', { ...jwk, y: flipped.toString('base64url') }, /point on the curve/],
    ['zero', { ...jwk, x: 'A'.repeat(43), y: 'A'.repeat(43) }, /point on the curve/],
    ['another curve', other, /P-256/],
    ['P-256 with a coordinate of P-384', { ...jwk, x: other.x }, /32 octets/],
    ['a second way of writing a coordinate', { ...jwk, x: `${jwk.x}=` }, /32 octets/],
    [
      'an RSA key',
      generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
      /P-256/
    ],
    ['a key for encryption', { ...jwk, use: 'enc' }, /ES256/],
    ['a number', 7, /JWK/],
    ['nothing', null, /JWK/]
  ]
  for (const [name, key, says] of refusals) {
    t.throws(() => readDeviceKey(key), { code: 'request_invalid', field: 'publicKey', says }, name)
  }
})

t.test('a text is kept in NFC, and only if it can be seen', async (t) => {
  t.equal(readText('fullName', 'Nguyễn Văn An'.normalize('NFD'), 128), 'Nguyễn Văn An')
  t.equal(readText('login', '😀', 1), '😀')
  const refused = [
    '',
    ' ',
    ' a',
    'a ',
    'a\u202eb',
    'a\u200bb',
    'a\u0000b',
    'a\nb',
    'a\u2028b',
    'a\u00a0b',
    'a\ud800b',
    'a\u3164',
    '\u2800',
    'a\u0378',
    'a\u034fb',
    '\u0301a',
    'abcd'
  ]
  for (const [index, text] of refused.entries()) {
    t.throws(
      () => readText('fullName', text, 3),
      { code: 'request_invalid', field: 'fullName' },
      `text ${index}`
    )
  }
})
