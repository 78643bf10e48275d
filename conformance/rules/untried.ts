import { clauses, type Mark, type Rule, type RuleTable } from '../rule.js'

type Topic = keyof typeof clauses
interface Row {
  topic: Topic
  mark: Mark
  text: string
  untried: string
}

/** Rows of the reference that belong to no table of cases, each with the reason why nothing is tried. */
const rows: readonly Row[] = [
  [
    'general',
    'P',
    'PIN, OTP and their labels and descriptions have at most 255 characters',
    'texts for people, which few credentials have'
  ],
  [
    'general',
    'P',
    'the service may use or log clientData',
    'what a service keeps cannot be seen from outside'
  ],
  [
    'account',
    'P',
    'an account_token has typ JWT, alg HS256, sub, iat, jti and azp',
    'each alone: accounts have to be known to the service'
  ],
  [
    'account',
    'P',
    'an account_token is too old after a time of the service’s choice',
    'the time is not told'
  ],
  ['oauthAuthorize', 'P', 'the implicit grant is forbidden', 'tried as response_type token'],
  [
    'oauthAuthorize',
    'P',
    'nothing is pushed to a phone before the user has a session',
    'a phone would have to be watched'
  ],
  [
    'oauthAuthorize',
    'P',
    'the pages speak lang, then Accept-Language',
    'which language a page is in is for people to judge'
  ],
  ['authorize', 'P', 'a SAD lives an hour where expiresIn is left out', 'an hour is too long'],
  [
    'info',
    'P',
    'an external or TLS service needs no token',
    'such a service stands behind a network of its own'
  ]
].map(([topic, mark, text, untried]) => ({ topic, mark, text, untried }) as Row)

const onlyV2: readonly Row[] = [
  ['oauthAuthorize', 'C', 'authorization_details may have locations', 'what they do is not told'],
  ['pushedAuthorize', 'C', 'an expired request_uri is refused', 'its lifetime is longer than a run'],
  [
    'token',
    'C',
    'the answer names the credentialID that a signatureQualifier stood for',
    'qualifiers are the service’s own'
  ],
  [
    'signHash',
    'S',
    'the outcome of mode A is told to response_uri',
    'the form of the notification is not known'
  ],
  ['signHash', 'K', 'digests are compared as bytes, whatever their spelling', 'tried as base64url']
].map(([topic, mark, text, untried]) => ({ topic, mark, text, untried }) as Row)

/** See the rows. */
export const untriedRows: RuleTable = (version) =>
  [...rows, ...(version === 'v2' ? onlyV2 : [])].map(
    ({ topic, mark, text, untried }): Rule => ({
      ...{ clause: clauses[topic][version], mark, text },
      check: { untried }
    })
  )
