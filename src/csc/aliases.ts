import type { preValidationHookHandler } from 'fastify'
import type { Lenient } from './leniencies.js'

type Body = Record<string, unknown>
/** Another name, and the name it passes for. */
type Alias = readonly [other: string, name: string]

const otherVersion: Readonly<Record<'v1' | 'v2', readonly Alias[]>> = {
  v1: [
    ['hashes', 'hash'],
    ['hashAlgorithmOID', 'hashAlgo']
  ],
  v2: [
    ['hash', 'hashes'],
    ['hashAlgo', 'hashAlgorithmOID']
  ]
}
const otherLetterCase: readonly Alias[] = [
  ['user_id', 'userID'],
  ['auth_info', 'authInfo'],
  ['cert_info', 'certInfo'],
  ['only_valid', 'onlyValid'],
  ['client_data', 'clientData'],
  ['sign_algo', 'signAlgo'],
  ['sign_algo_params', 'signAlgoParams'],
  ['num_signatures', 'numSignatures'],
  ['validityPeriod', 'validity_period'],
  ['responseURI', 'response_uri']
]

/**
 * Takes members of a body under the other names that clients have for them, where the leniencies for it are on. What is
 * there under its right name counts alone.
 */
export function takeAliases(lenient: Lenient, version: 'v1' | 'v2'): preValidationHookHandler {
  const aliases = [
    ...(lenient('csc.other-letter-case') ? otherLetterCase : []),
    ...(lenient('csc.other-version-names') ? otherVersion[version] : [])
  ]
  const list = version === 'v1' ? 'hash' : 'hashes'
  const single = lenient('csc.hash-as-string')

  return (request, _reply, done) => {
    const { body } = request
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
      const members = body as Body
      for (const [other, name] of aliases) {
        if (members[other] !== undefined && members[name] === undefined) members[name] = members[other]
      }
      // The one call whose hash is a string is that of time-stamps.
      const one = members[list]
      if (single && typeof one === 'string' && !request.url.endsWith('/timestamp')) members[list] = [one]
    }
    done()
  }
}
