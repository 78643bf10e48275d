import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { RouteOptions } from 'fastify'
import type { Access } from '../access/access.js'
import type { OperatorRegister } from '../access/operators.js'
import type { RelyingPartyRegister } from '../access/relying-parties.js'
import type { TotpAdministration } from '../access/totp.js'
import type { Clock } from '../clock.js'
import type { Deliveries } from '../delivery/delivery.js'
import { refuseNul } from '../http/nulls.js'
import { problemResponses } from '../http/schema.js'
import type { ActivationList } from '../store/activation-list.js'
import type { AuditList } from '../store/audit.js'
import type { IdempotencyKeys } from '../store/idempotency.js'
import { activationList } from './activations.js'
import { auditList } from './audit.js'
import { authenticateOperators } from './authentication.js'
import { type CredentialRoutes, credentials } from './credentials.js'
import { deliveryList } from './deliveries.js'
import { type DeviceRoutes, devices } from './devices.js'
import { honourIdempotencyKeys, IdempotencyHeaders } from './idempotency.js'
import { operatorKeys } from './keys.js'
import { type MessageList, messages } from './messages.js'
import { type ProviderListing, providerList } from './providers.js'
import { relyingParties } from './relying-parties.js'
import { type RequestLookup, requests } from './requests.js'
import { guardRoles, requireArea } from './roles.js'
import { type SubscriberRoutes, subscribers } from './subscribers.js'
import { totp } from './totp.js'
import { type VirtualPhoneAdministration, virtualPhones } from './virtual-phones.js'

/** What the surface translates for. A member may be named by several route groups. */
export type OperatorDeps = SubscriberRoutes &
  CredentialRoutes &
  DeviceRoutes & {
    access: Pick<Access, 'authenticateOperator'> & {
      operators: OperatorRegister
      relyingParties: RelyingPartyRegister
    }
    totp: TotpAdministration
    idempotencyKeys: IdempotencyKeys
    providers: ProviderListing
    audit: AuditList
    activationList: ActivationList
    deliveries: Pick<Deliveries, 'list'>
    requests: RequestLookup
    /** Null with SIMULATION=off: then their routes do not exist. */
    virtualPhones: VirtualPhoneAdministration | null
    /** Null with SIMULATION=off, likewise. */
    outbox: MessageList | null
    now: Clock
  }

/**
 * The CA operator's API, mounted at `/operator`: authentication, roles and idempotence here, one file a group of
 * routes beside it. What happens is audited by the middle floor, so no route can forget it.
 */
export const operator: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { access, enrolment, logins, directory, pki, now } = deps
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
  await app.register(deliveryList, { deliveries: deps.deliveries })
  await app.register(requests, { requests: deps.requests })
  await app.register(subscribers, { enrolment, logins, directory, pki, now })
  await app.register(totp, { totp: deps.totp })
  await app.register(credentials, { enrolment, directory, pki, now })
  await app.register(devices, { enrolment, directory })
  if (deps.outbox !== null) await app.register(messages, { messages: deps.outbox, directory })
  if (deps.virtualPhones !== null) await app.register(virtualPhones, { virtualPhones: deps.virtualPhones })
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
