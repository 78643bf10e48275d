import { constants, createHash, verify, X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import { PortalV1 } from '../clients/csc-v1.js'
import { castAt } from '../clients/journey.js'
import { answerIn } from '../clients/plain-browser.js'
import { base64 } from '../clients/portal.js'
import { OAuthParty } from '../oauth/flow.js'
import { startWorld } from '../world.js'

/*
 * The requests that clients in use send to v1, member by member, and what they need of the answers. Phones are virtual
 * and confirm.
 */
t.setTimeout(300_000)
const world = await startWorld(t)
const { url } = world
const sha256 = '2.16.840.1.101.3.4.2.1'
const sha256WithRsa = '1.2.840.113549.1.1.11'
const ecdsaWithSha256 = '1.2.840.10045.4.3.2'
const digestOf = (data: string) => createHash('sha256').update(data).digest()

interface Info {
  key: { algo: string[]; status: string }
  cert: { certificates: string[] }
  multisign: number
  SCAL: string
  authMode: string
  PIN?: { presence: string }
}
const certificateIn = ({ cert }: Info, index = 0) =>
  new X509Certificate(Buffer.from(cert.certificates[index] ?? '', 'base64'))
const octets = (text: string | undefined) => Buffer.from(text ?? '', 'base64')
const sign = (t: Test, answer: { status: number; body: object }) => {
  t.equal(answer.status, 200, JSON.stringify(answer.body))
  return (answer.body as { signatures?: string[] }).signatures ?? []
}

t.test('pyHanko: a token of the client, certificates as a chain, PSS with the longest salt', async (t) => {
  const portal = new PortalV1({ url, provider: 'vnpt' })
  const [credentialID = ''] = await portal.credentials('001088035895')
  const { body } = await portal.call<Info>('credentials/info', {
    credentialID,
    certificates: 'chain',
    certInfo: false
  })
  t.ok(certificateIn(body).checkIssued(certificateIn(body, 1)), 'the leaf first')
  t.ok(body.key.algo.includes(sha256WithRsa), 'it looks for this very OID')
  t.ok(Number.isInteger(body.multisign) && body.SCAL === '2')
  const answer = await fetch(`${portal.base}/info`)
  t.match(answer.headers.get('content-type') ?? '', /^application\/json/)

  const ways = [
    { signAlgo: sha256WithRsa },
    {
      signAlgo: '1.2.840.113549.1.1.10',
      signAlgoParams: Buffer.from(
        '3035a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a204020200de',
        'hex'
      ).toString('base64')
    }
  ]
  for (const way of ways) {
    const document = `pyHanko ${way.signAlgo}`
    const hash = [base64(digestOf(document))]
    const authorized = await portal.call<{ SAD: string; expiresIn?: number }>('credentials/authorize', {
      credentialID,
      numSignatures: 1,
      hash
    })
    t.equal(authorized.status, 200, JSON.stringify(authorized.body))
    const signed = await portal.call('signatures/signHash', {
      credentialID,
      SAD: authorized.body.SAD,
      hashAlgo: sha256,
      hash,
      ...way
    })
    const [signature] = sign(t, signed)
    const key = certificateIn(body).publicKey
    const padding =
      'signAlgoParams' in way
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 222 }
        : { key, padding: constants.RSA_PKCS1_PADDING }
    t.ok(verify('sha256', Buffer.from(document), padding, octets(signature)))
  }
})

t.test('laverca: a subscriber’s own login, and a renewed SAD between two signatures', async (t) => {
  const portal = new PortalV1({ url, provider: 'misa' })
  const login = await portal.login('binh.le@example.vn', 'misa-demo', { rememberMe: true })
  const first = String(login.body.access_token)
  t.match(login.body, { expires_in: Number, refresh_token: String })
  const refreshed = await portal.raw(
    'auth/login',
    { refresh_token: login.body.refresh_token, rememberMe: true },
    {}
  )
  const token = String(refreshed.body.access_token)
  t.not(token, first)
  const listed = await portal.call<{ credentialIDs: string[] }>('credentials/list', { maxResults: 20 }, token)
  const [, credentialID = ''] = listed.body.credentialIDs
  const { body } = await portal.call<Info>(
    'credentials/info',
    { credentialID, certificates: 'single', certInfo: true, authInfo: true },
    token
  )
  t.equal(body.authMode, 'implicit')

  const documents = ['một', 'hai']
  const hash = documents.map((document) => base64(digestOf(document)))
  const authorized = await portal.call<{ SAD: string }>(
    'credentials/authorize',
    { credentialID, numSignatures: 2, hash },
    token
  )
  t.equal(authorized.status, 200, JSON.stringify(authorized.body))
  let { SAD } = authorized.body
  for (const [index, document] of documents.entries()) {
    if (index > 0) {
      const body = { credentialID, hash: hash[index], SAD }
      const extended = await portal.call<{ SAD: string }>('credentials/extendTransaction', body, token)
      t.equal(extended.status, 200, JSON.stringify(extended.body))
      SAD = extended.body.SAD
    }
    const signed = await portal.call(
      'signatures/signHash',
      { credentialID, SAD, hash: [hash[index]], hashAlgo: sha256, signAlgo: ecdsaWithSha256 },
      token
    )
    const [signature] = sign(t, signed)
    t.ok(verify('sha256', Buffer.from(document), certificateIn(body).publicKey, octets(signature)), document)
  }
  t.equal((await portal.call('auth/revoke', { token }, token)).status, 204)
})

t.test('SetaPDF: a code of OAuth 2.0, hash and hashAlgo always, ECDSA as DER', async (t) => {
  const party = new OAuthParty(url, 'viettel', 'v1')
  const who = { login: 'CMT_0123456789' }
  const info = await (await fetch(`${party.base}/info`, { method: 'POST', ...json('{}') })).json()
  const at = String((info as { oauth2: string }).oauth2).replace(/\/oauth2\/authorize$/, '')
  t.equal(at, party.base, 'it takes the end of the full address away, where there is one')
  const answered = await party.through(party.authorizeUrl({ scope: 'service' }), who)
  const tokens = await party.exchange(answerIn(answered).code)
  const call = (method: string, body: object) => party.call(method, body, tokens.body.access_token)
  const listed = (await call('credentials/list', {})).body as { credentialIDs: string[] }
  const [, credentialID = ''] = listed.credentialIDs
  const described = (await call('credentials/info', {
    ...{ credentialID, certificates: 'chain', certInfo: true, authInfo: true }
  })) as unknown as { body: Info }
  const hash = [base64(digestOf('SetaPDF'))]
  const authorized = await call('credentials/authorize', { credentialID, numSignatures: 1, hash })
  t.equal(authorized.status, 200, 'it takes nothing but 200')
  const signed = await call('signatures/signHash', {
    ...{ credentialID, SAD: authorized.body.SAD, hash, hashAlgo: sha256, signAlgo: ecdsaWithSha256 }
  })
  const [signature] = sign(t, signed)
  t.equal(octets(signature)[0], 0x30, 'DER')
  const key = certificateIn(described.body).publicKey
  t.ok(verify('sha256', Buffer.from('SetaPDF'), key, octets(signature)))
})

t.test('Adobe electronic seals: a token of the client, a credential and a standing PIN', async (t) => {
  const provider = 'nacencomm'
  const portal = new PortalV1({ url, provider })
  const cast = castAt({ url, provider })
  const seal = await cast.enrol({ algorithm: 'RSA-2048', auth: 'pin', pin: 'seal-2026' })
  await cast.operator.call('PUT', `/subscribers/${seal.id}/virtual-phone`, { behaviour: 'confirm' })
  const { credentialID } = seal
  const { body } = await portal.call<Info>('credentials/info', {
    ...{ credentialID, certificates: 'chain', certInfo: true, authInfo: true }
  })
  t.match(body, { authMode: 'explicit', PIN: { presence: 'true' }, OTP: { presence: 'false' } })
  const hash = [base64(digestOf('seal'))]
  const authorized = await portal.call<{ SAD: string }>('credentials/authorize', {
    ...{ credentialID, numSignatures: 1, hash, PIN: 'seal-2026' }
  })
  t.equal(authorized.status, 200, JSON.stringify(authorized.body))
  const [signature] = sign(
    t,
    await portal.call('signatures/signHash', {
      ...{ credentialID, SAD: authorized.body.SAD, hash, hashAlgo: sha256, signAlgo: sha256WithRsa }
    })
  )
  t.ok(verify('sha256', Buffer.from('seal'), certificateIn(body).publicKey, octets(signature)))
})

t.test('with the leniencies off, the letter of v1 counts', async (t) => {
  await world.restart({
    QUIRKS_OFF: 'csc.hash-as-string,csc.other-version-names,csc.any-base64,csc.get-info',
    CSC_SPECS: 'v1=1.0.4.0, misa/v1=1.0.3.0'
  })
  const portal = new PortalV1({ url, provider: 'vnpt' })
  const [credentialID = ''] = await portal.credentials('001088035895')
  const hash = base64(Buffer.alloc(32, 0xfb))
  const body = { credentialID, numSignatures: 1, SAD: 'x', signAlgo: sha256WithRsa }
  const refused = (error_description: string) => ({ status: 400, body: { error_description } })
  for (const method of ['credentials/authorize', 'credentials/extendTransaction', 'signatures/signHash']) {
    t.match(
      await portal.call(method, { ...body, hash }),
      refused('Missing (or invalid type) array parameter hash'),
      method
    )
    t.match(
      await portal.call(method, { ...body, hash: [Buffer.alloc(32, 0xfb).toString('base64url')] }),
      refused('Invalid Base64 hash string parameter'),
      method
    )
  }
  t.match(
    await portal.call('signatures/signHash', { ...body, hashes: [hash] }),
    refused('Missing (or invalid type) array parameter hash')
  )
  t.equal((await fetch(`${portal.base}/info`)).status, 405)
  t.equal((await portal.raw('info', {}, {})).body.specs, '1.0.4.0')
  t.equal((await new PortalV1({ url, provider: 'misa' }).raw('info', {}, {})).body.specs, '1.0.3.0')
  await t.rejects(world.restart({ CSC_SPECS: 'v1=2.0' }), { name: 'StartError', message: /CSC_SPECS/ })
  await world.restart({ CSC_SPECS: '' })
})

function json(body: string): RequestInit {
  return { headers: { 'content-type': 'application/json' }, body }
}
