import type { RuleTable } from '../rule.js'
import { algorithms } from './algorithms.js'
import { authorize } from './authorize.js'
import { credential } from './credential.js'
import { documents } from './documents.js'
import { general } from './general.js'
import { headers, revokedTokens } from './headers.js'
import { info } from './info.js'
import { list } from './list.js'
import { login } from './login.js'
import { oauthAuthorize } from './oauth-authorize.js'
import { oauthRevoke } from './oauth-revoke.js'
import { oauthToken } from './oauth-token.js'
import { parameters } from './parameters.js'
import { signing } from './sign-hash.js'
import { transaction } from './transaction.js'
import { untriedRows } from './untried.js'

/** All rules, in the order of the report. */
export const tables: readonly RuleTable[] = [
  general,
  info,
  oauthAuthorize,
  oauthToken,
  oauthRevoke,
  revokedTokens,
  login,
  headers,
  parameters,
  list,
  credential,
  authorize,
  transaction,
  signing,
  algorithms,
  documents,
  untriedRows
]
