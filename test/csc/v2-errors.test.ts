import t from 'tap'
import { castAt, digestOf, type Person } from '../clients/journey.js'
import { base64, ecdsaSha256Oid, Portal, sha256Oid } from '../clients/portal.js'
import { startWorld } from '../world.js'

t.setTimeout(600_000)
const world = await startWorld(t)
const provider = 'vnpt'
const cast = castAt({ url: world.url, provider, now: world.clock.now })
const { operator, portal } = cast

/** Leaves a member out. */
const absent = Symbol('absent')
type Case = readonly [change: Record<string, unknown>, description: string, error?: string]

const hash = base64(digestOf('hồ sơ'))
const sha512Oid = '2.16.840.1.101.3.4.2.3'
const rsaEncryption = '1.2.840.113549.1.1.1'
const rsassaPss = '1.2.840.113549.1.1.10'
const noCredential = 'Missing (or invalid type) string parameter credentialID'
const wrongCredential = 'Invalid parameter credentialID'
const noHashes = 'Missing (or invalid type) array parameter hash'
const notBase64 = 'Invalid Base64 hash string parameter'
const wrongData = 'The authentication data is invalid'
const dataError = 'invalid_authentication_data'

const credentialCases: Case[] = [
  [{ credentialID: absent }, noCredential],
  [{ credentialID: null }, noCredential],
  [{ credentialID: 7 }, noCredential],
  [{ credentialID: '' }, wrongCredential],
  [{ credentialID: 'nobody' }, wrongCredential],
  [{ credentialID: 'x'.repeat(65) }, wrongCredential],
  [{ credentialID: 'khô' }, wrongCredential]
]
const hashCases: Case[] = [
  [{ hashes: absent }, noHashes],
  [{ hashes: {} }, noHashes],
  [{ hashes: [] }, 'Empty hash array'],
  [{ hashes: ['?'] }, notBase64],
  [{ hashes: [7] }, notBase64],
  [{ hashes: [`${hash}=`] }, notBase64],
  [{ hashes: [hash.slice(0, 28)] }, 'Invalid digest value length']
]

/** The tables of CSC API v2 §11, in their order: what a right body is changed in, and what is answered. */
const tables: Record<
  string,
  { body: (person: Person) => Promise<Record<string, unknown>> | Record<string, unknown>; cases: Case[] }
> = {
  'credentials/list': {
    body: ({ login }) => ({ userID: login }),
    cases: [
      [{ userID: absent }, 'Invalid parameter userID'],
      [{ userID: 7 }, 'Invalid parameter userID'],
      [{ userID: 'nobody' }, 'Invalid parameter userID'],
      [{ credentialInfo: 'yes' }, 'Invalid parameter credentialInfo'],
      [{ certificates: 'all' }, 'Invalid parameter certificates'],
      [{ certInfo: 1 }, 'Invalid parameter certInfo'],
      [{ authInfo: 1 }, 'Invalid parameter authInfo'],
      [{ onlyValid: 1 }, 'Invalid parameter onlyValid'],
      [{ clientData: 7 }, 'Invalid parameter clientData']
    ]
  },
  'credentials/info': {
    body: ({ credentialID }) => ({ credentialID }),
    cases: [
      ...credentialCases,
      [{ certificates: 'all' }, 'Invalid parameter certificates'],
      [{ certInfo: 1 }, 'Invalid parameter certInfo'],
      [{ authInfo: 1 }, 'Invalid parameter authInfo'],
      [{ lang: 7 }, 'Invalid parameter lang'],
      [{ clientData: 7 }, 'Invalid parameter clientData']
    ]
  },
  'credentials/authorize': {
    body: ({ credentialID }) => ({
      credentialID,
      numSignatures: 1,
      hashes: [hash],
      hashAlgorithmOID: sha256Oid,
      authData: [{ id: 'biometric' }]
    }),
    cases: [
      ...credentialCases,
      [{ numSignatures: absent }, 'Missing (or invalid type) integer parameter numSignatures'],
      [{ numSignatures: '1' }, 'Missing (or invalid type) integer parameter numSignatures'],
      [{ numSignatures: 1.5 }, 'Missing (or invalid type) integer parameter numSignatures'],
      [{ numSignatures: 0 }, 'Invalid value for parameter numSignatures'],
      [{ numSignatures: 101 }, 'Numbers of signatures is too high'],
      [{ numSignatures: 2 }, 'Invalid value for parameter numSignatures'],
      ...hashCases,
      [{ hashes: [hash, hash] }, 'Invalid value for parameter numSignatures'],
      [{ hashAlgorithmOID: absent }, 'Missing (or invalid type) string parameter hashAlgorithmOID'],
      [{ hashAlgorithmOID: 'SHA256' }, 'Invalid parameter hashAlgorithmOID'],
      [{ hashAlgorithmOID: sha512Oid }, 'Invalid digest value length'],
      [{ authData: absent }, 'Missing (or invalid type) array parameter authData'],
      [{ authData: {} }, 'Missing (or invalid type) array parameter authData'],
      [{ authData: [] }, wrongData, dataError],
      [{ authData: [{ id: 'face' }] }, wrongData, dataError],
      [{ authData: [{ id: 'PIN', value: '1234' }] }, wrongData, dataError],
      [{ description: 'x'.repeat(501) }, 'Invalid parameter description'],
      [{ clientData: 7 }, 'Invalid parameter clientData'],
      // The first in the order of the parameters is told.
      [{ credentialID: absent, numSignatures: 0, hashes: [] }, noCredential],
      [{ numSignatures: 0, hashes: [] }, 'Invalid value for parameter numSignatures'],
      [{ hashes: [], authData: [] }, 'Empty hash array']
    ]
  },
  'credentials/authorizeCheck': {
    body: async (person) => ({
      handle: (await portal.authorize(person.credentialID, [digestOf('hồ sơ')])).body.handle
    }),
    cases: [
      [{ handle: absent }, 'Invalid parameter handle'],
      [{ handle: 7 }, 'Invalid parameter handle'],
      [{ handle: 'nothing' }, 'Invalid parameter handle']
    ]
  },
  'credentials/getChallenge': {
    body: ({ credentialID }) => ({ credentialID, authObjectID: 'OTP' }),
    cases: [
      ...credentialCases,
      [{ authObjectID: absent }, 'Missing (or invalid type) string parameter authObjectID'],
      [{ authObjectID: 7 }, 'Missing (or invalid type) string parameter authObjectID'],
      [{ authObjectID: 'PIN' }, 'Invalid parameter authObjectID'],
      [{}, 'Invalid parameter authObjectID']
    ]
  },
  'credentials/extendTransaction': {
    body: async (person) => ({
      SAD: (await cast.approve(person, [digestOf('hồ sơ')])).sad,
      credentialID: person.credentialID,
      hashes: [hash],
      hashAlgorithmOID: sha256Oid
    }),
    cases: [
      [{ SAD: absent }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: 7 }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: 'none' }, 'Invalid parameter SAD'],
      ...credentialCases,
      ...hashCases,
      [{ hashes: [base64(digestOf('khác'))] }, 'Hash is not authorized by the SAD.']
    ]
  },
  'signatures/signHash': {
    body: async (person) => ({
      SAD: (await cast.approve(person, [digestOf('hồ sơ')])).sad,
      credentialID: person.credentialID,
      hashes: [hash],
      signAlgo: ecdsaSha256Oid
    }),
    cases: [
      [{ SAD: absent }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: 7 }, 'Missing (or invalid type) string parameter SAD'],
      [{ SAD: '' }, 'Invalid parameter SAD'],
      [{ SAD: 'none' }, 'Invalid parameter SAD'],
      ...credentialCases,
      ...hashCases,
      [{ hashes: [base64(digestOf('khác'))] }, 'Hash is not authorized by the SAD.'],
      [{ signAlgo: absent }, 'Missing (or invalid type) string parameter signAlgo'],
      [{ signAlgo: 7 }, 'Missing (or invalid type) string parameter signAlgo'],
      [{ signAlgo: rsassaPss }, 'Missing (or invalid type) string parameter signAlgoParams'],
      [{ signAlgo: rsassaPss, signAlgoParams: 'AAAA' }, 'Invalid parameter signAlgoParams'],
      [{ signAlgo: rsaEncryption }, 'Missing (or invalid type) string parameter hashAlgorithmOID'],
      [{ hashAlgorithmOID: 'SHA256' }, 'Invalid parameter hashAlgorithmOID'],
      [{ hashAlgorithmOID: sha512Oid }, 'Invalid parameter hashAlgorithmOID'],
      [{ signAlgo: 'ECDSA' }, 'Invalid parameter signAlgo'],
      [{ signAlgo: rsaEncryption, hashAlgorithmOID: sha256Oid }, 'Invalid parameter signAlgo'],
      [{ operationMode: 'B' }, 'Invalid parameter operationMode'],
      [{ operationMode: 'A', validity_period: '1' }, 'Invalid parameter validity_period'],
      [{ operationMode: 'A', validity_period: -1 }, 'Out of bounds parameter validity_period'],
      [{ operationMode: 'A', response_uri: 'nowhere' }, 'Invalid parameter response_uri'],
      [{ clientData: 7 }, 'Invalid parameter clientData'],
      [{ SAD: absent, credentialID: absent, hashes: [] }, 'Missing (or invalid type) string parameter SAD'],
      [{ credentialID: absent, hashes: [] }, noCredential]
    ]
  },
  'signatures/signPolling': {
    body: () => ({ requestID: 'nothing' }),
    cases: [
      [{ requestID: absent }, 'Missing (or invalid type) string parameter requestID'],
      [{ requestID: 7 }, 'Missing (or invalid type) string parameter requestID'],
      [{}, 'Invalid parameter requestID'],
      [{ userID: 'nobody' }, 'Invalid parameter "userID"'],
      [{ clientData: 7 }, 'Invalid parameter clientData']
    ]
  }
}

const person = await cast.enrol()
for (const [method, { body, cases }] of Object.entries(tables)) {
  t.test(method, async (t) => {
    const right = await body(person)
    const headers = [undefined, 'Basic eDp5', 'Bearer', 'Bearer a b']
    const malformed = headers.map(async (authorization) => {
      const answer = await fetch(`${portal.base}/${method}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(authorization === undefined ? {} : { authorization })
        },
        body: JSON.stringify(right)
      })
      return [answer.status, await answer.json()]
    })
    const unknown = portal.call(method, right, 'x'.repeat(43))
    // Together, since refusals that come fast wait for each other to be recorded.
    const answers = await Promise.all(
      cases.map(([change]) =>
        portal.call(
          method,
          Object.fromEntries(Object.entries({ ...right, ...change }).filter(([, value]) => value !== absent))
        )
      )
    )
    for (const answer of await Promise.all(malformed)) {
      const error_description = 'Malformed authorization header'
      t.same(answer, [400, { error: 'invalid_request', error_description }], 'the header comes first')
    }
    t.match(await unknown, { status: 401, body: { error: 'invalid_token' } })
    for (const [index, [change, description, error = 'invalid_request']] of cases.entries()) {
      const shown = JSON.stringify(change).slice(0, 100)
      const without = Object.keys(change).filter((name) => change[name] === absent)
      t.same(
        [answers[index]?.status, answers[index]?.body],
        [400, { error, error_description: description }],
        `${shown}${without.length === 0 ? '' : ` without ${without}`}`
      )
    }
  })
}

t.test('what the service finds has the words of the tables', async (t) => {
  const suspended = await cast.enrol()
  const { sad } = await cast.approve(suspended, [digestOf('hồ sơ')])
  await operator.post(`/credentials/${suspended.credentialID}/suspend`)
  const disabled = {
    status: 400,
    body: { error_description: 'The credential identified by credentialID is disabled' }
  }
  t.match(await portal.authorize(suspended.credentialID, [digestOf('hồ sơ')]), disabled)
  t.match(await portal.sign(suspended.credentialID, sad, [digestOf('hồ sơ')], ecdsaSha256Oid), disabled)

  const brief = await cast.enrol({ validDays: 1 })
  world.clock.advance(2 * 86_400_000)
  const again = new Portal({ url: world.url, provider })
  t.match(await again.authorize(brief.credentialID, [digestOf('hồ sơ')]), disabled)
})

t.test('other spellings are taken, and can be switched off', async (t) => {
  const digest = digestOf('hồ sơ')
  const body = { credentialID: person.credentialID, num_signatures: 1, hash: digest.toString('base64url') }
  const ask = (by: Portal) =>
    by.call('credentials/authorize', { ...body, hashAlgo: sha256Oid, authData: [{ id: 'biometric' }] })
  t.equal((await ask(new Portal({ url: world.url, provider }))).status, 202)
  await world.restart({
    QUIRKS_OFF:
      'csc.other-version-names,csc.hash-as-string,csc.other-letter-case,csc.any-base64,csc.auth-always,csc.get-info'
  })
  const strict = new Portal({ url: world.url, provider })
  t.match(await ask(strict), {
    status: 400,
    body: { error_description: 'Missing (or invalid type) integer parameter numSignatures' }
  })
  t.match(await strict.authorize(person.credentialID, [digest], { hashes: [digest.toString('base64url')] }), {
    status: 400,
    body: { error_description: notBase64 }
  })
  const info = await strict.call('credentials/info', { credentialID: person.credentialID })
  t.same(info.body.auth, { mode: 'explicit' })
  t.equal((await fetch(`${strict.base}/info`)).status, 405)
})
