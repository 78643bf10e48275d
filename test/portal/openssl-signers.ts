import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A person with an RSA key and a certificate below a CA, all made by `openssl`. */
export interface Signer {
  /** DER: the person's, then the CA's. */
  chain: readonly [Uint8Array, Uint8Array]
  /** RSASSA-PKCS1-v1_5 over a SHA-256 digest. */
  sign(digest: Uint8Array): Promise<Uint8Array>
}

/** Signers whose keys end with `t`. */
export async function signersOf(
  t: { teardown(work: () => Promise<void>): void },
  commonNames: readonly string[]
): Promise<Signer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kyso-signers-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const openssl = (args: readonly string[]) => run('openssl', args, { cwd: folder })
  const newKey = ['-newkey', 'rsa:2048', '-noenc', '-utf8', '-days', '30', '-outform', 'DER']
  await openssl([
    'req',
    '-x509',
    ...newKey,
    '-subj',
    '/C=VN/CN=SIMULATED CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.der'
  ])
  const authority = ['-CA', 'ca.der', '-CAkey', 'ca.key']

  return Promise.all(
    commonNames.map(async (name, index): Promise<Signer> => {
      const [key, certificate] = [`${index}.key`, `${index}.der`]
      const subject = `/C=VN/O=Trường THCS Sông Lô/CN=${name}`
      await openssl([
        'req',
        '-x509',
        ...authority,
        ...newKey,
        '-subj',
        subject,
        '-keyout',
        key,
        '-out',
        certificate
      ])
      return {
        chain: [await readFile(join(folder, certificate)), await readFile(join(folder, 'ca.der'))],
        async sign(digest) {
          await writeFile(join(folder, `${index}.digest`), digest)
          const how = ['-pkeyopt', 'rsa_padding_mode:pkcs1', '-pkeyopt', 'digest:sha256']
          await openssl([
            'pkeyutl',
            '-sign',
            '-inkey',
            key,
            '-in',
            `${index}.digest`,
            '-out',
            `${index}.sig`,
            ...how
          ])
          return readFile(join(folder, `${index}.sig`))
        }
      }
    })
  )
}
