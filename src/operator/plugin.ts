import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest, RouteOptions } from 'fastify'
import type { Access } from '../access/access.js'
import type { OperatorRegister } from '../access/operators.js'
import type { RelyingPartyRegister } from '../access/relying-parties.js'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import { problemResponses } from '../http/schema.js'
import type { ActivationList } from '../store/activation-list.js'
import type { AuditList } from '../store/audit.js'
import type { IdempotencyKeys } from '../store/idempotency.js'
import { activationList } from './activations.js'
import { auditList } from './audit.js'
import { authenticateOperators } from './authentication.js'
import { type CredentialRoutes, credentials } from './credentials.js'
import { type DeviceRoutes, devices } from './devices.js'
import { honourIdempotencyKeys, IdempotencyHeaders } from './idempotency.js'
import { operatorKeys } from './keys.js'
import { type ProviderListing, providerList } from './providers.js'
import { relyingParties } from './relying-parties.js'
import { guardRoles, requireArea } from './roles.js'
import { type SubscriberRoutes, subscribers } from './subscribers.js'
import { type VirtualPhoneAdministration, virtualPhones } from './virtual-phones.js'

/** What the surface translates for. A member may be named by several route groups. */
export type OperatorDeps = SubscriberRoutes &
  CredentialRoutes &
  DeviceRoutes & {
    access: Pick<Access, 'authenticateOperator'> & {
      operators: OperatorRegister
      relyingParties: RelyingPartyRegister
    }
    idempotencyKeys: IdempotencyKeys
    providers: ProviderListing
    audit: AuditList
    activationList: ActivationList
    /** Null with SIMULATION=off: then their routes do not exist. */
    virtualPhones: VirtualPhoneAdministration | null
    now: Clock
  }

/**
 * The CA operator's API, mounted at `/operator`: authentication, roles and idempotence here, one file a group of
 * routes beside it. What happens is audited by the middle floor, so no route can forget it.
 */
export const operator: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { access, enrolment, directory, pki, now } = deps
  const gate = {
    authenticateOperator: access.authenticateOperator,
    refused: access.operators.refused
  }
  app.decorateRequest('operator', null)
  app.decorateRequest('operatorKey', '')
  app.addHook('onRoute', (route) => {
    requireArea(route)
    complete(route)
  })
  app.addHook('onRequest', authenticateOperators(gate))
  app.addHook('onRequest', guardRoles(gate))
  app.addHook('preValidation', refuseNul)
  honourIdempotencyKeys(app, { keys: deps.idempotencyKeys, now })

  await app.register(operatorKeys, { operators: access.operators })
  await app.register(relyingParties, { relyingParties: access.relyingParties })
  await app.register(providerList, { providers: deps.providers })
  await app.register(auditList, { audit: deps.audit })
  await app.register(activationList, { activationList: deps.activationList })
  await app.register(subscribers, { enrolment, directory, pki, now })
  await app.register(credentials, { enrolment, directory, pki, now })
  await app.register(devices, { enrolment, directory })
  if (deps.virtualPhones !== null) await app.register(virtualPhones, { virtualPhones: deps.virtualPhones })
}

/** No text here has a U+0000, and PostgreSQL stores and compares none. */
async function refuseNul({ params, query, body }: FastifyRequest): Promise<void> {
  if (!JSON.stringify([params, query, body]).includes('\\u0000')) return
  const says = 'U+0000 is not accepted in any value.'
  throw new ServiceError('request_invalid', says, { says })
}

/** What the description of every route here has in common. */
function complete(route: RouteOptions): void {
  route.schema = {
    security: [{ bearer: [] }],
    ...route.schema,
    ...([route.method].flat().includes('POST') && { headers: IdempotencyHeaders }),
    response: { ...problemResponses, ...(route.schema?.response as object | undefined) }
  }
}
