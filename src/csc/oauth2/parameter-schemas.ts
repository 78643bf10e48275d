import { type TOptional, type TString, type TUnknown, Type } from 'typebox'

/**
 * The parameters of an authorization request, for the API description. They are checked one by one, since what is wrong
 * with them is told in many ways.
 */
const said: Readonly<Record<string, string>> = {
  response_type: 'code',
  client_id: '',
  redirect_uri: 'Registered; may be left out where there is one.',
  scope:
    'service or credential; service by default; in v2 credential-creation and credential-deletion where offered',
  state: 'Up to 255 octets, sent back',
  code_challenge: 'RFC 7636; required in v2',
  code_challenge_method: 'S256',
  lang: 'RFC 5646; vi and en are known',
  credentialID: 'For scope credential and credential-deletion',
  signatureQualifier: 'v2, instead of credentialID',
  numSignatures: 'For scope credential',
  hash: 'v1: digests, base64url, joined by commas',
  hashes: 'v2: the same',
  hashAlgorithmOID: 'v2, with hashes',
  description: 'What the person is shown, up to 500 characters',
  account_token: 'JWT by which a relying party names an account',
  authorization_details: 'v2: JSON array with all about the credential, instead of scope',
  clientData: 'Ignored'
}

/** As members of a form. */
export const formSchemas: Record<string, TOptional<TString>> = Object.fromEntries(
  Object.entries(said).map(([name, description]) => [
    name,
    Type.Optional(Type.String({ description, ...(name === 'client_id' && { examples: ['dvctt'] }) }))
  ])
)

/** As members of a query, in which something that came twice is an array. */
export const querySchemas: Record<string, TOptional<TUnknown>> = Object.fromEntries(
  Object.entries({
    ...said,
    request_uri: 'v2: of oauth2/pushed_authorize; then only client_id beside it'
  }).map(([name, description]) => [name, Type.Optional(Type.Unknown({ description }))])
)
