import { type Fields, isFields, success, textOf, textsOf } from '../reading/values.js'
import { Failure, NotOffered } from '../rule.js'
import type { Target } from './target.js'

/** How a credential is authorized, in one form for both versions. */
export type Mode = 'implicit' | 'explicit' | 'oauth2code'

/** A credential as a server described it. */
export interface Credential {
  id: string
  /** The answer of credentials/info, with chain, certInfo and authInfo. */
  fields: Fields
  enabled: boolean
  /** `key.algo`. */
  algorithms: string[]
  multisign: number
  scal: '1' | '2'
  mode: Mode
  /** End entity first, base64 as received. */
  certificates: string[]
}

/** Reads credentials/info as far as the other cases need it; whether it is right is for the rules to say. */
export function readCredential(id: string, fields: Fields): Credential {
  const key = isFields(fields.key) ? fields.key : {}
  const cert = isFields(fields.cert) ? fields.cert : {}
  const auth = isFields(fields.auth) ? fields.auth : {}
  const mode = fields.authMode ?? auth.mode
  return {
    id,
    fields,
    enabled: key.status === 'enabled',
    algorithms: Array.isArray(key.algo) ? key.algo.filter((one) => typeof one === 'string') : [],
    multisign: typeof fields.multisign === 'number' ? fields.multisign : 1,
    scal: String(fields.SCAL ?? '1') === '2' ? '2' : '1',
    mode: mode === 'implicit' || mode === 'oauth2code' ? mode : 'explicit',
    certificates: Array.isArray(cert.certificates)
      ? cert.certificates.filter((one) => typeof one === 'string')
      : []
  }
}

/** The identifiers of the user's credentials, through all pages. */
export async function listCredentials(target: Target): Promise<string[]> {
  const ids: string[] = []
  let pageToken: unknown
  for (let page = 0; page < 100; page += 1) {
    const asked = { ...(await target.userParameter()), ...(pageToken === undefined ? {} : { pageToken }) }
    const fields = success(await target.call('credentials/list', asked))
    ids.push(...textsOf(fields, 'credentialIDs'))
    pageToken = fields.nextPageToken
    if (pageToken === undefined || pageToken === null) return ids
    textOf(fields, 'nextPageToken')
  }
  throw new Failure('credentials/list has no last page')
}

/** All of the user's credentials, as credentials/info describes them. */
export async function describeCredentials(target: Target): Promise<Credential[]> {
  await target.needs('credentials/list')
  await target.needs('credentials/info')
  const ids = await listCredentials(target)
  if (ids.length === 0) throw new NotOffered('the user has no credential')
  return Promise.all(
    ids.map(async (credentialID) => {
      const view = { credentialID, certificates: 'chain', certInfo: true, authInfo: true }
      return readCredential(credentialID, success(await target.call('credentials/info', view)))
    })
  )
}
