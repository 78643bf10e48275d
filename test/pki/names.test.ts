import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ceremony, checkCeremony } from '../../src/pki/ceremony.js'
import { certificateReader } from '../../src/pki/certificate.js'
import { integer, integerOctets, oid, time, tlv } from '../../src/pki/der.js'
import { isSerialNumber, namedSerialNumber, randomSerialNumber } from '../../src/pki/serial-number.js'
import {
  findProvider,
  findUnsupportedProvider,
  providers,
  unsupportedProviders
} from '../../src/providers/registry.js'

t.test('names are printed as openssl prints RFC 2253 text in UTF-8', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-names-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const key = join(folder, 'key.pem')
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key])
  const describe = certificateReader()
  const subjects = [
    '/C=VN/ST=Hà Nội/O=Trường THCS Sông Lô/title=Kế toán trưởng/CN=NGUYỄN VĂN AN/UID=CCCD:036081001234',
    '/C=VN/O=one+OU=two+CN=three/UID=a+emailAddress=a@example.vn',
    '/CN=#sharp "quoted", plus \\+ semi; <angles> back\\\\slash equals=',
    '/CN= blank at both ends /O=  /L= ',
    '/CN=tab\tand\u007fdelete/O=🏛 ngoài BMP',
    '/DC=vn/DC=example/street=1 Lý Thái Tổ/SN=Trần/GN=Bình/serialNumber=12',
    '/1.2.3.4.5=unregistered/CN=x'
  ]
  for (const [index, subject] of subjects.entries()) {
    const pem = join(folder, `${index}.pem`)
    const multi = [
      'req',
      '-x509',
      '-new',
      '-key',
      key,
      '-utf8',
      '-multivalue-rdn',
      '-subj',
      subject,
      '-out',
      pem
    ]
    execFileSync('openssl', multi, { stdio: 'pipe' })
    const shown = execFileSync(
      'openssl',
      ['x509', '-in', pem, '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb'],
      { encoding: 'utf8' }
    )
    const der = Buffer.from(readFileSync(pem, 'utf8').replace(/-----[^-]+-----/g, ''), 'base64')
    t.equal(describe(der).subject, shown.replace(/^subject=/, '').replace(/\n$/, ''), subject)
    t.equal(describe(der), describe(Buffer.from(der)), 'a second look is remembered')
  }
  t.throws(() => describe(Buffer.from('no certificate')))
})

t.test('DER is written as X.690 and RFC 5280 have it', async (t) => {
  t.equal(oid('2.5.29.20').toString('hex'), '0603551d14')
  t.equal(oid('1.2.840.113549.1.1.11').toString('hex'), '06092a864886f70d01010b')
  t.equal(integer(0n).toString('hex'), '020100')
  t.equal(integer(255n).toString('hex'), '020200ff', 'an octet more where the sign would be misread')
  t.equal(integerOctets(Buffer.from('5401', 'hex')).toString('hex'), '02025401')
  t.equal(tlv(0x04, Buffer.alloc(200)).subarray(0, 3).toString('hex'), '0481c8')
  t.equal(tlv(0x04, Buffer.alloc(70_000)).subarray(0, 5).toString('hex'), '0483011170')
  t.equal(time(new Date('2049-12-31T23:59:59.999Z')).toString('latin1'), '\x17\r491231235959Z')
  t.equal(time(new Date('2050-01-01T00:00:00Z')).toString('latin1'), '\x18\x0f20500101000000Z')
  t.throws(() => integer(-1n), RangeError)
})

t.test('serials are positive, of 16 octets, with the prefix of their provider', async (t) => {
  for (const prefix of ['', '5402', '540101']) {
    const serials = Array.from({ length: 200 }, () => randomSerialNumber(prefix))
    t.ok(
      serials.every((serial) => serial.length === 32 && serial.startsWith(prefix) && isSerialNumber(serial))
    )
    t.equal(new Set(serials).size, 200)
  }
  const stable = namedSerialNumber('540101', 'vnpt', 'demo/RSA-2048')
  const hash = createHash('sha256').update('["serial","vnpt","demo/RSA-2048"]').digest('hex').toUpperCase()
  t.equal(stable, `540101${hash.slice(0, 26)}`, 'a stable one follows from its name alone')
  t.notOk(['', '00', '0054', '80', 'FF01', '5', '54G0', '5a', '54'.repeat(21)].some(isSerialNumber))
  t.ok(['01', '0A', '7F', '54'.repeat(20)].every(isSerialNumber))
})

t.test('the ceremony is complete, visibly simulated, and checked before it is used', async (t) => {
  t.same(
    ceremony()
      .authorities.map(({ provider }) => provider)
      .sort(),
    providers.map(({ id }) => id).sort(),
    'every provider that is served has an issuing CA, and no other has'
  )
  const broken = (change: (data: ReturnType<typeof ceremony>) => unknown) => () => {
    const copy = structuredClone(ceremony())
    change(copy)
    checkCeremony(copy)
  }
  const [first] = ceremony().authorities
  t.throws(
    broken((data) => Object.assign(data.root, { validYears: 0 })),
    /root\/validYears/
  )
  t.throws(
    broken((data) => Object.assign(data, { extra: 1 })),
    { name: 'StartError' }
  )
  t.throws(
    broken((data) => Object.assign(data.root, { name: [['CN', 'Real Root CA']] })),
    /SIMULATED/
  )
  t.throws(
    broken((data) => data.authorities.push(structuredClone(first ?? fail()))),
    /stands there twice/
  )
  t.throws(
    broken((data) => Object.assign(data.authorities[0]?.leaf ?? fail(), { serialPrefix: '80' })),
    {
      name: 'StartError'
    }
  )
  for (const oid of ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'])
    t.throws(
      broken((data) => data.authorities[0]?.leaf.extendedKeyUsage.oids.push(oid)),
      /must not be for servers/
    )
  t.throws(
    broken((data) => Object.assign(data.authorities[0] ?? fail(), { provider: 'tls-root' })),
    /is reserved/
  )
  t.doesNotThrow(broken(() => undefined))
})

t.test('providers are data: those served, and those known and refused', async (t) => {
  t.same(
    providers.map(({ id, login, limits }) => [id, login.asksPassword, limits.activationTtlS]),
    [
      ['viettel', false, 120],
      ['vnpt', true, 300],
      ['misa', true, 120],
      ['nacencomm', true, 180]
    ]
  )
  t.ok(providers.every(({ name, description }) => name.includes('SIMULATED') && description.length <= 255))
  t.equal(findProvider('vnpt')?.label, 'VNPT SMART CA')
  t.equal(findProvider('bcy'), null)
  t.match(findUnsupportedProvider('bcy')?.reason.en, /not served/)
  t.equal(findUnsupportedProvider('vnpt'), null)
  t.equal(unsupportedProviders.length, 1)
})

function fail(): never {
  throw new Error('the ceremony is empty')
}
