import { createHash, randomBytes } from 'node:crypto'
import { plainScheme } from '../reading/algorithms.js'
import { isFields, said, success, textOf } from '../reading/values.js'
import { Failure, NotOffered } from '../rule.js'
import { type Approval, type Asking, madeUp } from './approvals.js'
import { type Visit, walk } from './browser.js'
import { type Answer, send } from './http.js'
import type { Target } from './target.js'

/** Parameters in order; one may come twice. */
export type Pairs = readonly (readonly [name: string, value: string])[]

/** How the client says who it is. */
export type ClientAuthentication = 'post' | 'basic' | 'none'

/** An authorization code, with what redeems it. */
export interface Code {
  code: string
  verifier: string
  /** Of the authorization request, to be repeated. */
  authorizationDetails: string | null
}

/** The authorization server of a service. */
export interface OAuth {
  /** The address of `authorize`, `token`, `revoke` or `pushed_authorize`. @throws NotOffered */
  endpoint(name: string): Promise<string>
  /** A form as it is. */
  form(endpoint: string, pairs: Pairs, headers?: Record<string, string>): Promise<Answer>
  /** A form with the client's authentication. */
  authenticated(endpoint: string, fields: Record<string, string>, how?: ClientAuthentication): Promise<Answer>
  token(fields: Record<string, string>, how?: ClientAuthentication): Promise<Answer>
  /** Client id and secret, to be put into forms. @throws NotOffered */
  client(): { id: string; secret: string }
  /** Header of HTTP Basic (RFC 6749 section 2.3.1). */
  basic(): string

  /** An authorization request that lacks nothing, with its verifier. */
  request(more?: Record<string, string | undefined>): { parameters: Record<string, string>; verifier: string }
  /** Follows the pages to their end, logging in on the way. */
  visit(parameters: Record<string, string> | Pairs): Promise<Visit>
  /** A code of scope `service`. */
  serviceCode(): Promise<Code>
  redeem(code: Code, changes?: Record<string, string | undefined>): Promise<Answer>
  /** An approval by scope `credential`: its SAD is the access token. */
  approve(asking: Asking): Promise<Approval>
  /** The answer of the token endpoint to that. */
  credentialToken(asking: Asking): Promise<{ answer: Answer; approval: Omit<Approval, 'sad' | 'expiresIn'> }>

  /** A token to be revoked at the end. */
  issued(token: string): string
  /** Leaves no token behind, where that is offered. */
  revokeIssued(): Promise<void>
}

/** Drives the OAuth 2.0 endpoints that `info` announces. */
export function createOAuth(at: () => Target): OAuth {
  const tokens = new Set<string>()
  let metadata: Promise<Record<string, unknown>> | null = null

  const oauth: OAuth = {
    async endpoint(name) {
      const { oauth2, oauth2Issuer } = await at().info()
      if (typeof oauth2 === 'string') return `${oauth2.replace(/\/+$/, '')}/oauth2/${name}`
      if (typeof oauth2Issuer !== 'string') throw new NotOffered('info announces no authorization server')
      metadata ??= readMetadata(oauth2Issuer)
      const member =
        name === 'pushed_authorize' ? 'pushed_authorization_request' : name.replace('revoke', 'revocation')
      const url = (await metadata)[`${name === 'authorize' ? 'authorization' : member}_endpoint`]
      if (typeof url !== 'string') throw new NotOffered(`the authorization server has no ${name}`)
      return url
    },

    async form(endpoint, pairs, headers = {}) {
      const body = formOf(pairs)
      return send(await oauth.endpoint(endpoint), {
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
          ...headers
        },
        body
      })
    },

    authenticated(endpoint, fields, how = 'post') {
      const { id, secret } = oauth.client()
      const client = how === 'post' ? { client_id: id, client_secret: secret } : { client_id: id }
      const header: Record<string, string> = how === 'basic' ? { authorization: oauth.basic() } : {}
      return oauth.form(endpoint, Object.entries({ ...client, ...fields }), header)
    },
    token: (fields, how) => oauth.authenticated('token', fields, how),

    client() {
      const { clientId: id, clientSecret: secret } = at().options
      if (id === null || secret === null) throw new NotOffered('--client-id and --client-secret are needed')
      return { id, secret }
    },
    basic() {
      const { id, secret } = oauth.client()
      const encoded = [id, secret]
        .map((part) => new URLSearchParams([['', part]]).toString().slice(1))
        .join(':')
      return `Basic ${Buffer.from(encoded).toString('base64')}`
    },

    request(more = {}) {
      const { options, version } = at()
      const verifier = randomBytes(32).toString('base64url')
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      const all: Record<string, string | undefined> = {
        response_type: 'code',
        client_id: oauth.client().id,
        redirect_uri: options.redirectUri,
        scope: 'service',
        state: randomBytes(12).toString('base64url'),
        ...(version === 'v2' ? { code_challenge: challenge, code_challenge_method: 'S256' } : {}),
        ...more
      }
      const parameters = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)
      return { parameters: Object.fromEntries(parameters), verifier }
    },

    async visit(parameters) {
      const { options, person } = at()
      const pairs = Array.isArray(parameters)
        ? (parameters as Pairs)
        : Object.entries(parameters as Record<string, string>)
      const url = `${await oauth.endpoint('authorize')}?${formOf(pairs)}`
      const asksPhone = pairs.some(
        ([name, value]) => name === 'authorization_details' || value === 'credential'
      )
      const visiting = () =>
        walk(url, {
          ...{ redirectUri: options.redirectUri, user: options.user, password: options.password },
          code: person.code,
          loggedIn: () => {
            if (asksPhone) person.confirmSoon('what the page says')
          }
        })
      return asksPhone ? at().approvals.inPlace(visiting) : visiting()
    },

    async serviceCode() {
      if (!(await at().authTypes()).includes('oauth2code')) throw new NotOffered('authType has no oauth2code')
      const { parameters, verifier } = oauth.request()
      return { code: codeOf(await oauth.visit(parameters)), verifier, authorizationDetails: null }
    },

    redeem({ code, verifier, authorizationDetails }, changes = {}) {
      const { version, options } = at()
      const fields: Record<string, string | undefined> = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: options.redirectUri,
        ...(version === 'v2' ? { code_verifier: verifier } : {}),
        ...(authorizationDetails === null ? {} : { authorization_details: authorizationDetails }),
        ...changes
      }
      const sent = Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined)
      return oauth.token(Object.fromEntries(sent))
    },

    async credentialToken({
      credential: wanted,
      documents: count = 1,
      scheme: named,
      numSignatures = count
    }) {
      const target = at()
      const credential = wanted ?? (await target.oauthCredential())
      const scheme = named ?? plainScheme(credential)
      if (scheme === null) throw new NotOffered('key.algo has nothing that is verified here')
      if (count > credential.multisign) throw new NotOffered(`multisign is ${credential.multisign}`)
      const documents = Array.from({ length: count }, () => madeUp(scheme))
      const { parameters, verifier } = oauth.request({
        scope: 'credential',
        credentialID: credential.id,
        numSignatures: String(numSignatures),
        [target.names.hashes]: documents.map(({ digest }) => digest.toString('base64url')).join(','),
        ...(target.version === 'v2' ? { hashAlgorithmOID: scheme.hash.oid } : {}),
        description: 'csc-conformance'
      })
      const code = codeOf(await oauth.visit(parameters))
      const answer = await oauth.redeem({ code, verifier, authorizationDetails: null })
      return { answer, approval: { credential, scheme, documents } }
    },

    async approve(asking) {
      const { answer, approval } = await oauth.credentialToken(asking)
      const fields = success(answer)
      const expiresIn = typeof fields.expires_in === 'number' ? fields.expires_in : null
      return { ...approval, sad: textOf(fields, 'access_token'), expiresIn }
    },

    issued(token) {
      tokens.add(token)
      return token
    },
    async revokeIssued() {
      for (const token of tokens) await oauth.authenticated('revoke', { token }).catch(() => null)
      tokens.clear()
    }
  }
  return oauth
}

/** The code of a visit that went well. @throws Failure with what the server said instead. */
export function codeOf({ redirect, last }: Visit): string {
  if (redirect === null) throw new Failure(`no redirect back: ${said(last)}`)
  const code = redirect.get('code')
  if (code === null)
    throw new Failure(`no code, but ${redirect.get('error')}: ${redirect.get('error_description')}`)
  return code
}

/** RFC 8414, at either place. */
async function readMetadata(issuer: string): Promise<Record<string, unknown>> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/oauth-authorization-server`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`
  ]
  for (const place of places) {
    const { status, body } = await send(place, { method: 'GET' })
    if (status === 200 && isFields(body)) return body
  }
  throw new Failure(`no metadata of ${issuer}`)
}

/** One parameter may come twice. */
function formOf(pairs: Pairs): string {
  const form = new URLSearchParams()
  for (const [name, value] of pairs) form.append(name, value)
  return form.toString()
}
