import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Access } from '../access/access.js'
import type { ApplicationLogins } from '../access/application-logins.js'
import type { Factors } from '../access/factors.js'
import type { OAuth } from '../access/oauth/oauth.js'
import type { Refusals } from '../access/refusals.js'
import type { Activations } from '../activation/activation.js'
import type { Clock } from '../clock.js'
import type { Enrolment } from '../enrolment/create.js'
import type { Directory } from '../enrolment/enrolment.js'
import type { Pki } from '../pki/pki.js'
import type { Responses } from '../signing/responses.js'
import type { Signing } from '../signing/signing.js'
import type { Lenient } from './leniencies.js'

/** A provider as this API presents it. */
export interface Presented {
  /** First path segment. */
  id: string
  label: string
  /** For `info`, at most 255 characters, as the description. */
  name: string
  description: string
  /** ISO 3166-1 alpha-2. */
  region: string
  /** The brand, for people. */
  names: { readonly vi: string; readonly en: string }
  login: { readonly asksPassword: boolean }
}

/** What the CSC surface is handed: the middle floor, and who is played. */
export interface CscDeps {
  providers: readonly Presented[]
  publicUrl: string
  access: Access
  oauth: OAuth
  /** Subscribers who log in with an application that names no relying party. */
  applicationLogins: ApplicationLogins
  /** What `info.specs` says. */
  specsOf: (provider: string, version: 'v1' | 'v2') => string
  /** Whether relying parties may make and delete credentials for people who log in (CSC API 2.2). */
  credentialChanges: boolean
  /** Which leniencies of this installation are on. */
  lenient: Lenient
  /** Where refusals of what never reached the service are recorded. */
  refusals: Pick<Refusals, 'record'>
  directory: Directory
  enrolment: Pick<Enrolment, 'issueCredential' | 'revokeCredential'>
  activations: Activations
  /** What is asked for before the phone. */
  factors: Pick<Factors, 'sendOtp'>
  signing: Signing
  responses: Pick<Responses, 'start' | 'find'>
  pki: Pki
  now: Clock
}

/** One API at one provider. */
export interface ProviderApi extends Omit<CscDeps, 'providers' | 'specsOf'> {
  provider: Presented
  /** `{PUBLIC_URL}/{provider}/csc/{version}`, also the base of its OAuth endpoints. */
  base: string
  /** What tokens are issued for, such as `csc/v2`. */
  audience: string
  specs: string
  /** Methods of this version that answer, as `info` lists them; complete once all groups are registered. */
  methods: readonly string[]
}

/** A group of routes of one API. */
export type ApiRoutes = FastifyPluginAsyncTypebox<ProviderApi>
