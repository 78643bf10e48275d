import type { ApiRoutes } from '../deps.js'
import { authorize } from './authorize.js'
import { pages } from './pages.js'
import { pushedAuthorize } from './pushed-authorize.js'
import { revoke } from './revoke.js'
import { token } from './token.js'
import { versionOf } from './version.js'

/** The OAuth 2.0 endpoints of one API, each in a scope of its own for the sake of its parsers. */
export const oauth2: ApiRoutes = async (
  app,
  // What is registered here has the prefix already.
  { prefix: _, ...api }: Parameters<ApiRoutes>[1] & { prefix?: string }
) => {
  for (const routes of [token, revoke, authorize, pages]) await app.register(routes, api)
  if (versionOf(api.audience) === 'v2') await app.register(pushedAuthorize, api)
}
