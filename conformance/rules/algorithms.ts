import { constants, publicEncrypt, verify, X509Certificate } from 'node:crypto'
import {
  ecPublicKey,
  pssParams,
  rsaEncryption,
  rsassaPss,
  type Scheme,
  schemesOf,
  sha256
} from '../reading/algorithms.js'
import { octetsOf, said, success, textsOf } from '../reading/values.js'
import { clauses, Failure, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import type { Credential } from '../server/credentials.js'
import { signHash, verifies } from '../server/signing.js'
import type { Target } from '../server/target.js'

const known = [
  rsaEncryption,
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  rsassaPss,
  ecPublicKey,
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '0.4.0.127.0.7.1.1.4.1.3'
]

/** Every algorithm of key.algo signs; signatures are verified by node's own cryptography. */
export const algorithms: RuleTable = (version) => {
  const clause = clauses.signHash[version]
  const schemes = known.flatMap(schemesOf)
  return [
    ...schemes.map(
      (scheme): Rule => ({
        clause,
        // Which hashes go with an algorithm that implies none is the service's choice.
        mark: !scheme.namesHash && scheme.form !== 'pss' ? 'P' : scheme.hash === sha256 ? 'P' : 'U',
        text: `signAlgo ${scheme.signAlgo} signs ${scheme.hash.name} digests${formOf(scheme)}`,
        check: (target) => signsWith(target, scheme)
      })
    ),
    {
      clause,
      mark: 'U',
      text: `signAlgo ${rsassaPss} takes the greatest salt that fits`,
      check: async (target) => {
        const credential = await withAlgorithm(target, rsassaPss)
        const octets = new X509Certificate(octetsOf(credential.certificates[0], 'the certificate')).publicKey
          .asymmetricKeyDetails
        const saltLength = (octets?.modulusLength ?? 2048) / 8 - sha256.octets - 2
        await signsWith(target, {
          ...{ signAlgo: rsassaPss, hash: sha256, namesHash: false, form: 'pss', saltLength },
          signAlgoParams: longPss(saltLength)
        })
      }
    },
    {
      clause,
      mark: 'P',
      text: 'PKCS #1 v1.5 signs a DigestInfo, not the bare digest',
      check: async (target) => {
        const credential = await withAlgorithm(target, rsaEncryption)
        const [scheme] = schemesOf(rsaEncryption)
        must(scheme !== undefined, 'there is a scheme')
        const approval = await target.approvals.approve({ credential, scheme })
        const [text] = textsOf(success(await signHash(target, approval)), 'signatures')
        const key = new X509Certificate(octetsOf(credential.certificates[0], 'the certificate')).publicKey
        const padded = publicEncrypt(
          { key, padding: constants.RSA_NO_PADDING },
          octetsOf(text, 'the signature')
        )
        const digest = approval.documents[0]?.digest ?? Buffer.alloc(0)
        must(padded.subarray(-digest.length).equals(digest), 'the digest is not at the end')
        must(padded[padded.length - digest.length - 1] === 0x20, 'there is no DigestInfo before the digest')
        const content = approval.documents[0]?.content ?? Buffer.alloc(0)
        must(verify('sha256', content, key, octetsOf(text, 'the signature')), 'the signature does not verify')
      }
    },
    ...['SHA3-256', 'SHA3-384', 'SHA3-512'].map(
      (name): Rule => ({
        clause,
        mark: 'U',
        text: `${name} digests are signed`,
        check: { untried: 'optional, and offered nowhere that is known' }
      })
    )
  ]
}

const formOf = ({ form }: Scheme): string =>
  form === 'ecdsa' ? ', as DER ECDSA-Sig-Value' : form === 'ecdsa-plain' ? ', as r and s' : ''

/** The first enabled credential with an algorithm, the one to sign with before others. */
async function withAlgorithm(target: Target, oid: string): Promise<Credential> {
  const own = await target.credential()
  const all = [own, ...(await target.credentials())]
  const found = all.find(({ algorithms: listed, enabled }) => enabled && listed.includes(oid))
  if (found === undefined) throw new NotOffered(`no credential has ${oid} in key.algo`)
  return found
}

async function signsWith(target: Target, scheme: Scheme): Promise<void> {
  const credential = await withAlgorithm(target, scheme.signAlgo)
  const approval = await target.approvals.approve({ credential, scheme }).catch((error: unknown) => {
    if (error instanceof Failure && /hashAlgo/i.test(error.message)) throw new NotOffered(error.message)
    throw error
  })
  const answer = await signHash(target, approval)
  if (scheme.namesHash && answer.status === 400 && /hashAlgo/.test(answer.text))
    throw new NotOffered(said(answer))
  verifies(answer, approval, approval.documents)
}

/** PSS parameters for SHA-256 with any salt: an INTEGER of 128 and more takes two octets. */
const longPss = (saltLength: number): string => pssParams(sha256, saltLength)
