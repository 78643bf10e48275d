import { type AccountTokenDeps, createAccountTokens } from './account-token.js'
import { type AuthorizationsDeps, createAuthorizations } from './authorizations.js'
import { createGrants, type GrantsDeps } from './grants.js'
import type { AuthorizationStore, GrantStore } from './needs.js'
import type { OAuth } from './oauth.js'

/** A page that was left open still says how its request ended. */
const requestKnownForMs = 10 * 60_000
/** How long after its end something is remembered, so that it is answered as ended and not as unknown. */
const endedKnownForMs = 24 * 3_600_000

/** What the engine is made of; `middle.ts` hands it in. */
export interface OAuthDeps
  extends Omit<AuthorizationsDeps, 'store' | 'activations'>,
    Omit<GrantsDeps, 'requests' | 'grants' | 'activations'>,
    AccountTokenDeps {
  requests: AuthorizationStore
  grants: GrantStore
  activations: AuthorizationsDeps['activations'] & GrantsDeps['activations']
}

/** OAuth 2.0 between relying parties and people. */
export function createOAuth(deps: OAuthDeps): OAuth & { purge(): Promise<void> } {
  const { requests, grants, now } = deps
  return {
    ...createAuthorizations({ ...deps, store: requests }),
    ...createGrants(deps),
    ...createAccountTokens(deps),
    async purge() {
      const at = now().getTime()
      await requests.purge(new Date(at - requestKnownForMs))
      await grants.purge(new Date(at - endedKnownForMs))
    }
  }
}
