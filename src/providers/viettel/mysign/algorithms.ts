import type { Findings } from '../../dialect/findings.js'

const sha256 = '2.16.840.1.101.3.4.2.1'
const sha1 = '1.3.14.3.2.26'
const rsaEncryption = '1.2.840.113549.1.1.1'
const sha256WithRsa = '1.2.840.113549.1.1.11'

/** Names that clients write where an OID belongs. */
const sha256Names = /^(sha-?256|http:\/\/www\.w3\.org\/2001\/04\/xmlenc#sha256)$/i

/**
 * `hashAlgo` and `signAlgo`: SHA-256 and RSA with PKCS #1 v1.5 padding, which is all there is (§4.5).
 * @throws ServiceError `hash_algorithm_refused`, `sign_algorithm_refused`, and `request_invalid` for a strict relying
 *   party that leaves one out.
 */
export function requireAlgorithms(
  { hashAlgo = '', signAlgo = '' }: { hashAlgo?: string; signAlgo?: string },
  findings: Findings
): void {
  requireHash(hashAlgo, findings)
  if (signAlgo === rsaEncryption || signAlgo === sha256WithRsa) return
  const remedy = `Send the OID of rsaEncryption, ${rsaEncryption}.`
  if (signAlgo === '')
    findings.forgive({ code: 'sign_algo_missing', field: 'signAlgo', found: 'signAlgo is missing.', remedy })
  else
    findings.refuse(
      {
        code: 'sign_algo_other',
        field: 'signAlgo',
        found: 'signAlgo names another algorithm than RSA.',
        remedy
      },
      'sign_algorithm_refused'
    )
}

function requireHash(hashAlgo: string, findings: Findings): void {
  if (hashAlgo === sha256) return
  const about = (code: string, found: string) => ({
    code,
    field: 'hashAlgo',
    found,
    remedy: `Hash with SHA-256 and send its OID, ${sha256}.`
  })
  if (hashAlgo === '' || sha256Names.test(hashAlgo)) {
    const [code, found] =
      hashAlgo === ''
        ? ['hash_algo_missing', 'hashAlgo is missing.']
        : ['hash_algo_by_name', 'hashAlgo names SHA-256 by another name than its OID.']
    findings.forgive(about(code, found))
    return
  }
  const found =
    hashAlgo === sha1
      ? 'hashAlgo names SHA-1, which is not signed any more.'
      : 'hashAlgo names another algorithm than SHA-256.'
  findings.refuse(about('hash_algo_other', found), 'hash_algorithm_refused')
}
