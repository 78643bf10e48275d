import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '../clock.js'
import { StartError } from '../errors.js'
import type { Hsm, TokenKey } from '../hsm/hsm.js'
import { type Authority, authority, backdatedMs, earlier, generate } from './authority.js'
import type { CaName, Ceremony } from './ceremony.js'
import { keyIdentifier } from './certificate.js'
import { sequence, tlv } from './der.js'
import { cryptoForX509, hsmCryptoKey } from './engine.js'
import type { PkiLog } from './log.js'
import { type PkiStore, type ServerCertificates, tlsRoot } from './pki.js'
import { randomSerialNumber } from './serial-number.js'
import { caName } from './subject.js'
import * as x509 from './x509.js'

const serverAuth = '1.3.6.1.5.5.7.3.1'
const nameConstraints = '2.5.29.30'

/**
 * Opens the root for TLS, which has nothing to do with the hierarchy that signs for subscribers: somebody who trusts it
 * trusts it for servers, of these names alone, and nothing below it issues. Constraints cannot be changed in a
 * certificate that others hold, so each list of names has a root of its own, whose name tells it from the others; the
 * key is one, and is bound by whichever root a client chose.
 *
 * @param deps.names DNS names in lower case and IP addresses, at least one, in any order.
 * @throws StartError when what is stored is not such a root, or database and HSM are of different installations.
 */
export async function openServerCertificates(deps: {
  names: readonly string[]
  ceremony: Ceremony['tls']
  hsm: Pick<Hsm, 'tokenKey'>
  store: Pick<PkiStore, 'authorities' | 'addAuthority'>
  now: Clock
  log: PkiLog
}): Promise<ServerCertificates> {
  const { ceremony, hsm, store, now, log } = deps
  const names = [...new Set(deps.names)].sort()
  const hash = createHash('sha256').update(JSON.stringify(names)).digest('hex')
  const stored = `${tlsRoot}:${hash}`
  const constraints = permitOnly(names)

  const key = await hsm.tokenKey(`ca:${tlsRoot}`, ceremony.algorithm)
  let certificate = (await store.authorities()).find(({ name }) => name === stored)?.certificate
  if (certificate === undefined) {
    const name = numbered(ceremony.name, hash.slice(0, 8).toUpperCase())
    const made = await makeRoot({ name, validYears: ceremony.validYears, key, now: now(), constraints })
    const row = { name: stored, certificate: made, ocspCertificate: null, createdAt: now() }
    certificate = (await store.addAuthority(row)).certificate
    log.info(`made a root for TLS, simulated, for ${names.join(', ')}`)
  }
  const root = authority(tlsRoot, certificate, key)
  // A row may have been put in the place of another, and clients must never be handed a root for more than it says.
  const bound = new x509.X509Certificate(Uint8Array.from(certificate)).getExtension(nameConstraints)
  if (bound?.critical !== true || !Buffer.from(bound.value).equals(constraints))
    throw new StartError(`The root for TLS "${stored}" in the database is not for these names.`)

  return {
    root: certificate,
    issue: (spki) =>
      issueServer({ spki, names, now: now(), validDays: ceremony.serverValidDays, ceremony, root })
  }
}

/** Self-signed; no CA stands below it, and what does is for servers (RFC 5280 §4.2.1.9, §4.2.1.10, §4.2.1.12). */
function makeRoot(request: {
  name: CaName
  validYears: number
  key: TokenKey
  now: Date
  constraints: Uint8Array
}): Promise<Uint8Array> {
  const subject = caName(request.name)
  return generate(request, {
    subject,
    issuer: subject,
    signingKey: hsmCryptoKey(request.key),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.SubjectKeyIdentifierExtension(keyIdentifier(request.key.spki).toString('hex')),
      new x509.ExtendedKeyUsageExtension([serverAuth]),
      new x509.Extension(nameConstraints, true, Uint8Array.from(request.constraints))
    ]
  })
}

/** Short-lived instead of revocable: nobody need be asked whether it is still good. */
async function issueServer(request: {
  spki: Uint8Array
  names: readonly string[]
  now: Date
  validDays: number
  ceremony: Ceremony['tls']
  root: Authority
}): Promise<{ certificate: Uint8Array; notAfter: Date }> {
  const { spki, names, now, validDays, ceremony, root } = request
  const notAfter = earlier(new Date(now.getTime() + validDays * 86_400_000), root.notAfter)
  const organisation = ceremony.name.filter(([type]) => type !== 'CN')
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: randomSerialNumber(),
      // No host name: the name that counts is in the extension, which alone has room for all.
      subject: caName([...organisation, ['CN', 'SIMULATED kyso server']]),
      issuer: new x509.Name(root.subjectDer),
      notBefore: new Date(now.getTime() - backdatedMs),
      notAfter,
      publicKey: Uint8Array.from(spki),
      signingKey: root.signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([serverAuth]),
        new x509.SubjectKeyIdentifierExtension(keyIdentifier(spki).toString('hex')),
        new x509.AuthorityKeyIdentifierExtension(root.keyIdentifier.toString('hex')),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
        )
      ]
    },
    cryptoForX509
  )
  return { certificate: new Uint8Array(certificate.rawData), notAfter }
}

/**
 * NameConstraints (RFC 5280 §4.2.1.10) that permit these names, with those below them, and these addresses.
 * @throws RangeError for a list without either form, since one that is not named would be permitted whole.
 */
function permitOnly(names: readonly string[]): Uint8Array {
  const dns = names.filter((name) => isIP(name) === 0)
  const addresses = names.filter((name) => isIP(name) !== 0)
  if (dns.length === 0 || addresses.length === 0)
    throw new RangeError('a root for TLS needs DNS names and addresses')
  const subtrees = [
    ...dns.map((name) => sequence(tlv(0x82, Buffer.from(name, 'latin1')))),
    ...addresses.map((address) => {
      const octets = addressOctets(address)
      return sequence(tlv(0x87, octets, Buffer.alloc(octets.length, 0xff)))
    })
  ]
  return sequence(tlv(0xa0, ...subtrees))
}

/** 4 or 16 octets, what is left of a GeneralName without its header. */
function addressOctets(address: string): Uint8Array {
  const name = new Uint8Array(new x509.GeneralName('ip', address).rawData)
  return name.subarray(2)
}

/** A name that tells the roots of different lists apart where somebody trusts several. */
function numbered(name: CaName, number: string): CaName {
  return name.map(([type, value]) => [type, type === 'CN' ? `${value} ${number}` : value])
}
