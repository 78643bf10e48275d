import type { Audit } from '../audit/audit.js'
import type { Clock } from '../clock.js'
import type { Secrets } from '../hsm/hsm.js'
import type { Access } from './access.js'
import type { AccessTokenStore, OperatorStore, RelyingPartyStore } from './needs.js'
import { createOperators, type OperatorRegister } from './operators.js'
import { createRefusals } from './refusals.js'
import { openRelyingParties, type RelyingPartyLookup, type RelyingPartyRegister } from './relying-parties.js'
import { openTokens, type Tokens } from './tokens.js'

/** What this room is made of; `server.ts` hands it in. */
export interface AccessDeps {
  relyingPartyStore: RelyingPartyStore
  accessTokenStore: AccessTokenStore
  operatorStore: OperatorStore
  audit: Audit
  /** For what relying parties let us prove ourselves with. */
  secrets: Secrets
  now: Clock
  /** Names of the providers that are served. */
  providers: readonly string[]
  /** Life of an access token, in seconds. */
  tokenTtlS: number
  /** Whether the address entry `loopback` may be registered. */
  simulation: boolean
}

/** The whole room: the door that every surface uses, and the registers that operators keep. */
export interface AccessRoom
  extends Access,
    Pick<RelyingPartyLookup, 'callbackAuth' | 'clientKey'>,
    Pick<Tokens, 'revokeToken' | 'forget' | 'purge'> {
  readonly relyingParties: RelyingPartyRegister
  readonly operators: OperatorRegister
  /** Writes what refusals still wait and stops listening. Called after the last request. */
  close(): Promise<void>
}

/** Opens the room; resolves when it hears of changes made by other servers. */
export async function createAccess(deps: AccessDeps): Promise<AccessRoom> {
  const { audit, now } = deps
  const refusals = createRefusals({ audit })
  const operators = createOperators({ store: deps.operatorStore, audit, refusals, now })
  const parties = await openRelyingParties({
    store: deps.relyingPartyStore,
    audit,
    refusals,
    secrets: deps.secrets,
    now,
    providers: deps.providers,
    simulation: deps.simulation
  })
  const tokens = await openTokens({
    store: deps.accessTokenStore,
    parties,
    audit,
    now,
    tokenTtlS: deps.tokenTtlS
  })
  return {
    relyingParties: parties,
    operators,
    authenticateClient: parties.authenticateClient,
    relyingParty: parties.relyingParty,
    callbackAuth: parties.callbackAuth,
    clientKey: parties.clientKey,
    issueToken: tokens.issueToken,
    verifyToken: tokens.verifyToken,
    redeemToken: tokens.redeemToken,
    revokeToken: tokens.revokeToken,
    forget: tokens.forget,
    authenticateOperator: operators.authenticateOperator,
    purge: tokens.purge,
    async close() {
      await refusals.close()
      await tokens.close()
      await parties.close()
    }
  }
}
