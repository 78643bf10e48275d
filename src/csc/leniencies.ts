/**
 * What real clients send though the standard has it otherwise, and is unambiguous all the same: taken unless the setting
 * QUIRKS_OFF names it. Of the shape of the dialects' quirks.
 */
export interface Leniency {
  /** `csc.<what>`. */
  readonly name: string
  /** What is taken while it is on. */
  readonly meaning: string
  /** How sure a real client needs it: V read in its sources, P probable, A assumed. */
  readonly mark: 'V' | 'P' | 'A'
}

/** Every leniency there is; `docs/csc.md` lists them. */
export const leniencies = [
  {
    name: 'csc.pkce-plain',
    meaning:
      'oauth2/authorize takes code_challenge_method plain, or none, from relying parties in mode lenient (RFC 7636 §4.3)',
    mark: 'A'
  },
  {
    name: 'csc.scope-beside-details',
    meaning: 'oauth2/authorize takes scope=credential beside authorization_details',
    mark: 'V'
  },
  {
    name: 'csc.state-beside-request-uri',
    meaning: 'oauth2/authorize takes state beside request_uri, where none was pushed',
    mark: 'V'
  },
  {
    name: 'csc.details-not-repeated',
    meaning: 'oauth2/token takes an exchange without the authorization_details of its request',
    mark: 'P'
  },
  {
    name: 'csc.refresh-token-alias',
    meaning: 'oauth2/token takes refreshToken for refresh_token, as the sample of v1 §8.3.3 has it',
    mark: 'V'
  },
  {
    name: 'csc.other-version-names',
    meaning:
      '`hash` and `hashAlgo` pass for `hashes` and `hashAlgorithmOID` in v2, and the other way round in v1',
    mark: 'V'
  },
  {
    name: 'csc.hash-as-string',
    meaning: 'one hash as a string passes for a list of one',
    mark: 'V'
  },
  {
    name: 'csc.other-letter-case',
    meaning:
      'members in snake case (`user_id`, `auth_info`, `cert_info`, `only_valid`, `client_data`, `sign_algo`, `sign_algo_params`, `num_signatures`), and `validityPeriod` and `responseURI`, pass for the names of the standard',
    mark: 'V'
  },
  {
    name: 'csc.any-base64',
    meaning: 'digests are taken as base64url too, and without padding',
    mark: 'V'
  },
  {
    name: 'csc.auth-always',
    meaning:
      '`auth.objects` is sent whether authInfo asks for it or not, and as null where the mode is oauth2code',
    mark: 'V'
  },
  {
    name: 'csc.get-info',
    meaning: 'info is answered to GET as well',
    mark: 'V'
  },
  {
    name: 'csc.short-revoke-path',
    meaning: 'revoke is answered beside oauth2/revoke',
    mark: 'V'
  }
] as const satisfies readonly Leniency[]

export type LeniencyName = (typeof leniencies)[number]['name']

/** Whether one of them is on. */
export type Lenient = (name: LeniencyName) => boolean
