import { createHash, createHmac, randomUUID } from 'node:crypto'
import { plainScheme } from '../reading/algorithms.js'
import { said, shown, success, textOf, textsOf } from '../reading/values.js'
import { clauses, Failure, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { madeUp } from '../server/approvals.js'
import { type Visit, walk } from '../server/browser.js'
import { codeOf, type Pairs } from '../server/oauth.js'
import { signsAll } from '../server/signing.js'
import { present, type Target } from '../server/target.js'

type Row = (mark: Mark, text: string, check: Rule['check'], more?: Partial<Rule>) => Rule

/** oauth2/authorize, walked through as a browser without scripts does. */
export const oauthAuthorize: RuleTable = (version) => {
  const clause = clauses.oauthAuthorize[version]
  const row: Row = (mark, text, check, more = {}) => ({ ...{ clause, mark, text, check }, ...more })
  /** A service request with something wrong in it is sent back with this error. */
  const back = (mark: Mark, text: string, wrong: Wrong, errors: readonly string[]): Rule =>
    row(mark, text, async (target) => sentBack(await visit(target, { ...wrong }), errors))
  const signing = (mark: Mark, text: string, wrong: (right: Right) => Wrong): Rule =>
    row(mark, text, async (target) => {
      const right = await credentialRequest(target)
      sentBack(await visit(target, { ...right, ...wrong(right) }), [
        'invalid_request',
        'invalid_scope',
        'access_denied'
      ])
    })
  const hashes = version === 'v1' ? 'hash' : 'hashes'
  return [
    row('P', 'a login ends with a code at the redirect address', async (target) => {
      must(codeOf(await visit(target, {})).length > 0, 'the code is empty')
    }),
    row('P', 'state is returned unchanged', async (target) => {
      const state = 'csc~conformance-._ +/=&%ä'
      const { redirect } = await visit(target, { state })
      must(redirect?.get('state') === state, `state is ${shown(redirect?.get('state'))}`)
    }),
    row(
      'U',
      'a wrong password gives no code',
      async (target) => {
        const { password, user, redirectUri } = target.options
        if (password === null || user === null) throw new NotOffered('no password is asked')
        await oauthCode(target)
        const query = new URLSearchParams(target.oauth.request().parameters)
        const wrong = { redirectUri, user, password: 'conformance-wrong', code: target.person.code }
        const { redirect } = await walk(`${await target.oauth.endpoint('authorize')}?${query}`, wrong)
        must(redirect?.get('code') == null, 'there is a code', 'P')
        codeOf(await visit(target, {}))
      },
      { lane: 'secrets' }
    ),
    row('P', 'a redirect_uri that is not registered is never redirected to', async (target) => {
      const { redirect } = await visit(target, { redirect_uri: 'https://conformance.invalid/callback' })
      must(redirect === null, 'it was redirected to')
    }),
    row('P', 'an unknown client_id is never redirected', async (target) => {
      const { redirect } = await visit(target, { client_id: 'conformance-nobody' })
      must(redirect === null, 'it was redirected')
    }),
    back('P', 'response_type token is unsupported', { response_type: 'token' }, [
      'unsupported_response_type'
    ]),
    back('P', 'response_type is missing', { response_type: undefined }, [
      'invalid_request',
      'unsupported_response_type'
    ]),
    back('P', 'an unknown scope is invalid', { scope: 'conformance' }, ['invalid_scope']),
    back('P', 'service and credential are never combined', { scope: 'service credential' }, [
      'invalid_scope'
    ]),
    row('P', 'scope defaults to service', async (target) => {
      const { parameters, verifier } = target.oauth.request({ scope: undefined })
      await oauthCode(target)
      const code = codeOf(await target.oauth.visit(parameters))
      const answer = await target.oauth.redeem({ code, verifier, authorizationDetails: null })
      const fields = success(answer)
      target.oauth.issued(textOf(fields, 'access_token'))
      must(fields.token_type === 'Bearer', `token_type is ${shown(fields.token_type)}`)
    }),
    row('U', 'redirect_uri may be left out where one is registered', async (target) => {
      const { redirect, last } = await visit(target, { redirect_uri: undefined })
      if (redirect === null) throw new NotOffered(`no single one is registered: ${said(last).slice(0, 120)}`)
    }),
    ...['scope', 'state', 'client_id', 'redirect_uri', 'response_type'].map((name) =>
      row('P', `${name} given twice is refused`, async (target) => {
        await oauthCode(target)
        const pairs: Pairs = Object.entries(target.oauth.request().parameters)
        const [, value = ''] = pairs.find(([field]) => field === name) ?? []
        const { redirect } = await target.oauth.visit([...pairs, [name, value]])
        must(redirect?.get('code') == null, 'there is a code')
      })
    ),
    row('U', 'a state of more than 255 octets is refused', async (target) => {
      const { redirect } = await visit(target, { state: 's'.repeat(300) })
      must(redirect?.get('code') == null, 'there is a code')
    }),
    row('U', 'a lang nobody speaks does no harm', async (target) => {
      codeOf(await visit(target, { lang: 'tlh' }))
    }),
    row('U', 'a forged account_token gives no code', async (target) => {
      const { redirect } = await visit(target, { account_token: accountToken(target, 'forged') })
      must(redirect?.get('code') == null, 'there is a code')
    }),
    row('U', 'an account_token without a signature (alg none) gives no code', async (target) => {
      const [, payload = ''] = accountToken(target, null).split('.')
      const none = Buffer.from('{"typ":"JWT","alg":"none"}').toString('base64url')
      const { redirect } = await visit(target, { account_token: `${none}.${payload}.` })
      must(redirect?.get('code') == null, 'there is a code')
    }),
    row('U', 'an account_token by SHA-256 of the client secret is taken, once', async (target) => {
      const account_token = accountToken(target, null)
      const first = await visit(target, { account_token })
      if (first.redirect?.get('code') == null)
        throw new NotOffered('account_token is not taken: accounts may have to be known')
      const again = await visit(target, { account_token })
      must(again.redirect?.get('code') == null, 'the same jti gave a second code', 'P')
    }),

    row('P', 'scope credential gives a token that signs the hashes', async (target) => {
      const approval = await target.oauth.approve({})
      await signsAll(target, approval)
    }),
    row(
      version === 'v1' ? 'P' : 'C',
      `token_type of scope credential is ${version === 'v1' ? 'SAD' : 'Bearer'}`,
      async (target) => {
        const { answer } = await target.oauth.credentialToken({})
        const { token_type, refresh_token } = success(answer)
        must(token_type === (version === 'v1' ? 'SAD' : 'Bearer'), `token_type is ${shown(token_type)}`)
        must(refresh_token === undefined, 'there is a refresh token, which is for service scope alone')
      }
    ),
    row('P', 'a token of scope credential is good for its hashes alone', async (target) => {
      const approval = await target.oauth.approve({})
      if (approval.credential.scal === '1') throw new NotOffered('SCAL is 1')
      const other = madeUp(approval.scheme)
      const answer = await target.call('signatures/signHash', target.approvals.signing(approval, [other]))
      must(answer.status === 400, said(answer))
    }),
    row('P', 'a token of scope credential is good once', async (target) => {
      const approval = await target.oauth.approve({})
      const body = target.approvals.signing(approval)
      success(await target.call('signatures/signHash', body))
      const again = await target.call('signatures/signHash', body)
      must(again.status === 400 || again.status === 401, said(again))
    }),
    signing('P', 'scope credential without credentialID is refused', () => ({ credentialID: undefined })),
    signing('P', 'scope credential with a credentialID of nobody is refused', () => ({
      credentialID: 'conformance-none'
    })),
    signing('P', 'scope credential without numSignatures is refused', () => ({ numSignatures: undefined })),
    ...['0', '-1', 'x', '1e308'].map((numSignatures) =>
      signing('P', `scope credential with numSignatures ${numSignatures} is refused`, () => ({
        numSignatures
      }))
    ),
    row('P', 'scope credential without hashes is refused where SCAL is 2', async (target) => {
      const right = await credentialRequest(target)
      if ((await target.oauthCredential()).scal === '1') throw new NotOffered('SCAL is 1')
      sentBack(await visit(target, { ...right, [hashes]: undefined }), ['invalid_request'])
    }),
    signing('P', 'scope credential with hashes that are no base64url is refused', () => ({
      [hashes]: '!!!!'
    })),
    signing('P', 'scope credential with a hash of wrong length is refused', () => ({ [hashes]: 'AAAA' })),
    row('U', 'scope credential with a description of more than 500 characters is refused', async (target) => {
      const right = await credentialRequest(target)
      sentBack(await visit(target, { ...right, description: 'd'.repeat(501) }), ['invalid_request'])
    }),
    row('P', 'the user may refuse: access_denied', { untried: 'pages that let one refuse differ too much' }),
    ...(version === 'v1' ? [] : [...onlyV2(row, back), ...pushed(version)])
  ]
}

type Wrong = Record<string, string | undefined>
type Right = Record<string, string>

const onlyV2 = (
  row: Row,
  back: (mark: Mark, text: string, wrong: Wrong, errors: readonly string[]) => Rule
): Rule[] => [
  back('C', 'code_challenge is required', { code_challenge: undefined }, ['invalid_request']),
  back('C', 'an unknown code_challenge_method is refused', { code_challenge_method: 'MD5' }, [
    'invalid_request'
  ]),
  row('C', 'a token of scope credential in the header signs without a SAD', async (target) => {
    const approval = await target.oauth.approve({})
    const { SAD, ...body } = target.approvals.signing(approval)
    const answer = await target.call('signatures/signHash', body, { authorization: `Bearer ${String(SAD)}` })
    must(textsOf(success(answer), 'signatures').length === 1, said(answer))
  }),
  row('C', 'a token of scope credential opens credentials/info of its credential', async (target) => {
    const approval = await target.oauth.approve({})
    const body = { credentialID: approval.credential.id }
    success(await target.call('credentials/info', body, { authorization: `Bearer ${approval.sad}` }))
  }),
  row('C', 'a token of scope credential opens no other method', async (target) => {
    await target.needs('credentials/list')
    const { sad } = await target.oauth.approve({})
    const answer = await target.call('credentials/list', {}, { authorization: `Bearer ${sad}` })
    must(answer.status >= 400 && answer.status < 500, said(answer))
  }),
  row('C', 'a token of scope credential opens no other credential', async (target) => {
    const other = (await target.credentials()).find(({ id }) => id !== target.options.credential)
    const { sad, credential } = await target.oauth.approve({})
    const second = (await target.credentials()).find(({ id }) => id !== credential.id) ?? other
    if (second === undefined) throw new NotOffered('the user has one credential')
    const answer = await target.call(
      'credentials/info',
      { credentialID: second.id },
      { authorization: `Bearer ${sad}` }
    )
    must(answer.status >= 400 && answer.status < 500, said(answer))
  }),
  ...['credential', 'https://cloudsignatureconsortium.org/2025/credential'].map((type) =>
    row(
      type === 'credential' ? 'C' : 'K',
      `authorization_details of type ${type} signs, repeated at the token endpoint`,
      async (target) => {
        const { details, documents, scheme, credential } = await richRequest(target, type)
        const { parameters, verifier } = target.oauth.request({
          scope: undefined,
          authorization_details: details
        })
        await oauthCode(target)
        const code = codeOf(await target.oauth.visit(parameters))
        const fields = success(await target.oauth.redeem({ code, verifier, authorizationDetails: details }))
        const sad = textOf(fields, 'access_token')
        await signsAll(target, { sad, expiresIn: null, credential, documents, scheme })
        if (fields.authorization_details !== undefined) {
          const granted = shown(fields.authorization_details)
          must(
            granted.includes(credential.id),
            `authorization_details do not name the credential: ${granted}`
          )
        }
      }
    )
  ),
  row(
    'C',
    'authorization_details other than those authorized are refused at the token endpoint',
    async (target) => {
      const { details } = await richRequest(target, 'credential')
      const { details: others } = await richRequest(target, 'credential')
      const { parameters, verifier } = target.oauth.request({
        scope: undefined,
        authorization_details: details
      })
      await oauthCode(target)
      const code = codeOf(await target.oauth.visit(parameters))
      const answer = await target.oauth.redeem({ code, verifier, authorizationDetails: others })
      must(answer.status === 400, said(answer))
    }
  ),
  ...['{', '{}', '[{"type":"conformance"}]', '[]'].map((authorization_details) =>
    back(
      'C',
      `authorization_details ${authorization_details} are refused`,
      { authorization_details, scope: undefined },
      ['invalid_request', 'invalid_authorization_details', 'invalid_scope']
    )
  ),
  row('C', 'signatureQualifier takes the place of credentialID', async (target) => {
    const right = await credentialRequest(target)
    const { redirect } = await visit(target, {
      ...right,
      credentialID: undefined,
      signatureQualifier: 'eu_eidas_qes'
    })
    if (redirect?.get('code') == null) throw new NotOffered('no credential has that qualifier')
  })
]

/** oauth2/pushed_authorize (RFC 9126). */
const pushed = (version: 'v1' | 'v2'): Rule[] => {
  const clause = clauses.pushedAuthorize[version]
  const row: Row = (mark, text, check, more = {}) => ({ ...{ clause, mark, text, check }, ...more })
  const push = async (target: Target, more: Wrong = {}) => {
    const { parameters, verifier } = target.oauth.request(more)
    return { answer: present(await target.oauth.authenticated('pushed_authorize', parameters)), verifier }
  }
  const visitPushed = async (target: Target, request_uri: string) =>
    target.oauth.visit({ client_id: target.oauth.client().id, request_uri })
  return [
    row('C', 'a pushed request is 201 with request_uri and expires_in', async (target) => {
      const { answer } = await push(target)
      const fields = success(answer, 201)
      must(textOf(fields, 'request_uri').startsWith('urn:'), 'request_uri is no urn', 'S')
      must(typeof fields.expires_in === 'number', `expires_in is ${shown(fields.expires_in)}`)
    }),
    row('C', 'a pushed request is not to be stored', async (target) => {
      const { answer } = await push(target)
      const header = answer.headers.get('cache-control') ?? 'none'
      must(/no-cache/.test(header) && /no-store/.test(header), `Cache-Control is ${header}`)
    }),
    row('C', 'a request_uri leads to a code', async (target) => {
      const { answer, verifier } = await push(target)
      const code = codeOf(await visitPushed(target, textOf(success(answer, 201), 'request_uri')))
      const redeemed = await target.oauth.redeem({ code, verifier, authorizationDetails: null })
      target.oauth.issued(textOf(success(redeemed), 'access_token'))
    }),
    row('C', 'a request_uri is good once', async (target) => {
      const uri = textOf(success((await push(target)).answer, 201), 'request_uri')
      codeOf(await visitPushed(target, uri))
      const { redirect } = await visitPushed(target, uri)
      must(redirect?.get('code') == null, 'it gave a second code')
    }),
    row('C', 'a request_uri nobody pushed is refused', async (target) => {
      await push(target)
      const { redirect } = await visitPushed(target, 'urn:ietf:params:oauth:request_uri:conformance')
      must(redirect?.get('code') == null, 'it gave a code')
    }),
    row('C', 'a pushed request needs the client’s authentication', async (target) => {
      await push(target)
      const { parameters } = target.oauth.request()
      const answer = await target.oauth.authenticated('pushed_authorize', parameters, 'none')
      must(answer.status === 400 || answer.status === 401, said(answer))
    }),
    row('C', 'a pushed request may not have a request_uri', async (target) => {
      const { answer } = await push(target, { request_uri: 'urn:ietf:params:oauth:request_uri:other' })
      must(answer.status === 400, said(answer))
    }),
    row('C', 'a pushed request with an unknown redirect_uri is refused', async (target) => {
      const { answer } = await push(target, { redirect_uri: 'https://conformance.invalid/callback' })
      must(answer.status === 400, said(answer))
    })
  ]
}

async function oauthCode(target: Target): Promise<void> {
  const types = await target.authTypes()
  if (!types.includes('oauth2code')) throw new NotOffered('authType has no oauth2code')
}

async function visit(target: Target, changes: Wrong): Promise<Visit> {
  await oauthCode(target)
  return target.oauth.visit(target.oauth.request(changes).parameters)
}

/** Sent back to the application with one of these errors. */
function sentBack({ redirect, last }: Visit, errors: readonly string[]): void {
  if (redirect === null) throw new Failure(`no redirect back with an error: ${said(last)}`)
  must(!redirect.has('code'), 'there is a code')
  const error = redirect.get('error') ?? 'none'
  must(errors.includes(error), `error is ${error}, expected ${errors.join(' or ')}`)
  must(redirect.has('state'), 'state is missing')
}

async function credentialRequest(target: Target): Promise<Right> {
  const credential = await target.oauthCredential()
  const scheme = plainScheme(credential)
  if (scheme === null) throw new NotOffered('key.algo has nothing that is verified here')
  return {
    scope: 'credential',
    credentialID: credential.id,
    numSignatures: '1',
    [target.names.hashes]: madeUp(scheme).digest.toString('base64url'),
    ...(target.version === 'v2' ? { hashAlgorithmOID: scheme.hash.oid } : {})
  }
}

async function richRequest(target: Target, type: string) {
  const credential = await target.oauthCredential()
  const scheme = plainScheme(credential)
  if (scheme === null) throw new NotOffered('key.algo has nothing that is verified here')
  const documents = [madeUp(scheme)]
  const documentDigests = documents.map(({ digest }) => ({
    hash: digest.toString('base64'),
    label: 'csc-conformance'
  }))
  const numSignatures = type === 'credential' ? {} : { numSignatures: 1 }
  const detail = {
    type,
    credentialID: credential.id,
    ...numSignatures,
    documentDigests,
    hashAlgorithmOID: scheme.hash.oid
  }
  return { details: JSON.stringify([detail]), documents, scheme, credential }
}

/** account_token (HS256 by the 32 octets of SHA-256 of the client secret). */
function accountToken(target: Target, otherSecret: string | null): string {
  const { id, secret } = target.oauth.client()
  const { user } = target.options
  if (user === null) throw new NotOffered('--user is needed')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    sub: user,
    iat: Math.floor(Date.now() / 1000),
    jti: randomUUID(),
    iss: 'csc-conformance',
    azp: id
  }
  const input = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`
  const key = createHash('sha256')
    .update(otherSecret ?? secret)
    .digest()
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}
