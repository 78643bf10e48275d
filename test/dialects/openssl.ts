import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM as it is, or DER as PEM. */
function pemOf(certificate: string | Uint8Array): string {
  if (typeof certificate === 'string') return certificate
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** Runs openssl in a folder with these files in it. Null: it answered with an error. */
async function openssl(
  files: Readonly<Record<string, string | Uint8Array>>,
  args: readonly string[]
): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-judge-'))
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
    const { stdout } = await run('openssl', args, { cwd: folder })
    return stdout
  } catch (error) {
    // 127 and ENOENT are not a verdict.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error
    return null
  } finally {
    await rm(folder, { recursive: true })
  }
}

/**
 * Whether openssl finds that the signature is one over this digest, RSASSA-PKCS1-v1_5 with SHA-256, by the key of the
 * certificate.
 * @param certificate PEM, or DER as octets.
 */
export async function verifies(
  certificate: string | Uint8Array,
  digest: Uint8Array,
  signature: Uint8Array
): Promise<boolean> {
  const args = 'pkeyutl -verify -certin -inkey leaf.pem -in digest -sigfile signature -pkeyopt digest:sha256'
  const said = await openssl({ 'leaf.pem': pemOf(certificate), digest, signature }, [
    ...args.split(' '),
    ...['-pkeyopt', 'rsa_padding_mode:pkcs1']
  ])
  return said?.includes('Signature Verified Successfully') ?? false
}

/** Whether openssl finds a CMS good over what it is detached from, by a certificate below the root. */
export async function verifiesCms(
  cms: Uint8Array,
  { content, root }: Readonly<Record<'content' | 'root', Uint8Array>>
): Promise<boolean> {
  const files = { 'cms.der': cms, content, 'root.pem': pemOf(root) }
  const args = 'cms -verify -binary -inform DER -in cms.der -content content -CAfile root.pem -purpose any'
  return (await openssl(files, [...args.split(' '), '-out', 'verified'])) !== null
}

/** Whether openssl finds a path from the certificate over its issuer to the root, at this time. */
export async function chainHolds(
  { leaf, issuer, root }: Readonly<Record<'leaf' | 'issuer' | 'root', Uint8Array>>,
  at: Date
): Promise<boolean> {
  const files = { 'leaf.pem': pemOf(leaf), 'issuer.pem': pemOf(issuer), 'root.pem': pemOf(root) }
  const args = `verify -attime ${Math.floor(at.getTime() / 1000)} -CAfile root.pem -untrusted issuer.pem leaf.pem`
  return (await openssl(files, args.split(' '))) === 'leaf.pem: OK\n'
}

/** What openssl reads in a certificate: lower-case hex of the serial, subject in RFC 2253 order, both times. */
export async function readCertificate(
  certificate: Uint8Array
): Promise<{ serialNumber: string; subject: string; notBefore: Date; notAfter: Date }> {
  const args =
    'x509 -in leaf.pem -noout -serial -startdate -enddate -subject -nameopt RFC2253,-esc_msb,utf8,sname'
  const said = (await openssl({ 'leaf.pem': pemOf(certificate) }, args.split(' '))) ?? ''
  const of = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(said)?.[1] ?? ''
  return {
    serialNumber: of('serial').toLowerCase(),
    subject: of('subject'),
    notBefore: new Date(of('notBefore')),
    notAfter: new Date(of('notAfter'))
  }
}
