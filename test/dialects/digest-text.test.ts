import { createHash } from 'node:crypto'
import t from 'tap'
import { type DigestForm, readDigest } from '../../src/providers/dialect/digest-text.js'
import { Findings } from '../../src/providers/dialect/findings.js'

const digest = createHash('sha256').update('hồ sơ').digest()
const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
const info = Buffer.concat([prefix, digest])
const withoutNull = Buffer.concat([Buffer.from('302f300b06096086480165030402010420', 'hex'), digest])
const sha384Info = Buffer.concat([
  Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  Buffer.alloc(48, 7)
])
const hex = digest.toString('hex')
const base64 = (octets: Uint8Array | string) => Buffer.from(octets).toString('base64')

/** How a text is read in each form: taken by everybody, forgiven a lenient relying party, or refused. */
type Reading = 'taken' | `forgiven ${string}` | `refused ${string}`
const table: [what: string, text: string, hex: Reading, base64: Reading, digestInfo: Reading][] = [
  [
    '64 hexadecimal characters',
    hex,
    'taken',
    'refused digest_hex_for_base64',
    'refused digest_hex_for_base64'
  ],
  [
    'the same in upper case',
    hex.toUpperCase(),
    'taken',
    'refused digest_hex_for_base64',
    'refused digest_hex_for_base64'
  ],
  [
    'base64 of 32 octets',
    base64(digest),
    'forgiven digest_base64_for_hex',
    'taken',
    'forgiven digest_without_info'
  ],
  [
    'base64 of a DigestInfo',
    base64(info),
    'forgiven digest_base64_for_hex',
    'forgiven digest_info_for_digest',
    'taken'
  ],
  [
    'hexadecimal of a DigestInfo',
    info.toString('hex'),
    'forgiven digest_info_for_digest',
    'forgiven digest_hex_for_base64',
    'forgiven digest_hex_for_base64'
  ],
  [
    'a DigestInfo without NULL',
    base64(withoutNull),
    'forgiven digest_base64_for_hex',
    'forgiven digest_info_for_digest',
    'forgiven digest_info_without_null'
  ],
  [
    'a DigestInfo wrapped in another',
    base64(Buffer.concat([prefix, info])),
    'forgiven digest_base64_for_hex',
    'forgiven digest_info_doubled',
    'forgiven digest_info_doubled'
  ],
  [
    'a DigestInfo of SHA-384',
    base64(sha384Info),
    'refused digest_of_other_hash',
    'refused digest_of_other_hash',
    'refused digest_of_other_hash'
  ],
  [
    'base64 of the hexadecimal text',
    base64(hex),
    'forgiven digest_base64_for_hex',
    'forgiven digest_encoded_twice',
    'forgiven digest_encoded_twice'
  ],
  [
    'base64 of the base64 text',
    base64(base64(digest)),
    'forgiven digest_base64_for_hex',
    'forgiven digest_encoded_twice',
    'forgiven digest_encoded_twice'
  ],
  [
    'base64 with a line break',
    `${base64(digest).slice(0, 20)}\r\n${base64(digest).slice(20)}`,
    'forgiven digest_with_space',
    'forgiven digest_with_space',
    'forgiven digest_with_space'
  ],
  [
    'base64 without padding',
    base64(digest).replace('=', ''),
    'refused digest_unreadable',
    'forgiven digest_base64url',
    'forgiven digest_base64url'
  ],
  [
    'SHA-1',
    base64(Buffer.alloc(20, 1)),
    'refused digest_of_other_hash',
    'refused digest_of_other_hash',
    'refused digest_of_other_hash'
  ],
  [
    'SHA-512',
    base64(Buffer.alloc(64, 200)),
    'refused digest_of_other_hash',
    'refused digest_of_other_hash',
    'refused digest_of_other_hash'
  ],
  [
    'a document',
    base64(Buffer.alloc(5000, 'tài liệu ')),
    'refused document_for_digest',
    'refused document_for_digest',
    'refused document_for_digest'
  ],
  [
    '31 octets',
    base64(digest.subarray(1)),
    'refused digest_length',
    'refused digest_length',
    'refused digest_length'
  ],
  [
    '33 octets',
    base64(Buffer.concat([digest, digest.subarray(0, 1)])),
    'refused digest_length',
    'refused digest_length',
    'refused digest_length'
  ],
  ['no text at all', ' ', 'refused digest_missing', 'refused digest_missing', 'refused digest_missing'],
  [
    'neither of the two',
    '!'.repeat(64),
    'refused digest_unreadable',
    'refused digest_unreadable',
    'refused digest_unreadable'
  ],
  [
    'base64 with bits behind its end',
    base64(digest).replace(/.=$/, 'J='),
    'refused digest_unreadable',
    'refused digest_unreadable',
    'refused digest_unreadable'
  ]
]

function read(text: string, form: DigestForm, mode: 'strict' | 'lenient') {
  const findings = new Findings(mode)
  let octets: Uint8Array | null = null
  try {
    octets = readDigest(text, { form, field: 'hash', findings })
  } catch {
    // told by `octets`
  }
  return {
    octets,
    codes: findings.diagnoses.map(({ code }) => code),
    remedies: findings.diagnoses.map(({ remedy }) => remedy)
  }
}

for (const [what, text, ...readings] of table) {
  t.test(what, async (t) => {
    for (const [index, form] of (['hex', 'base64', 'digest-info'] as const).entries()) {
      const [outcome, code = ''] = (readings[index] ?? '').split(' ')
      const strict = read(text, form, 'strict')
      const lenient = read(text, form, 'lenient')
      if (outcome === 'taken') {
        t.same([strict.octets, lenient.octets], [digest, digest], `${form}: everybody's is read`)
        t.same([strict.codes, lenient.codes], [[], []])
      } else {
        t.equal(strict.octets, null, `${form}: refused from a strict relying party`)
        t.ok(lenient.codes.includes(code), `${form}: ${lenient.codes} names ${code}`)
        t.ok(
          lenient.remedies.every((remedy) => remedy.startsWith('Send ')),
          'and says what to send'
        )
        t.same(lenient.octets, outcome === 'forgiven' ? digest : null, `${form}: ${outcome} a lenient one`)
      }
    }
  })
}
