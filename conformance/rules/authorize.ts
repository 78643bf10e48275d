import { expectFault, type Fault, missing } from '../reading/fault.js'
import { type Fields, said, shown, success } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { signsAll } from '../server/signing.js'
import { authObjectsOf, pinned, type Target } from '../server/target.js'

const name = 'credentials/authorize'

/** credentials/authorize: what is refused is refused before anybody is asked. */
export const authorize: RuleTable = (version) => {
  const clause = clauses.authorize[version]
  const v1 = version === 'v1'
  const sure: Mark = v1 ? 'P' : 'C'
  const hashes = v1 ? 'hash' : 'hashes'
  const words = (mark: Mark): { words?: Mark } => (v1 ? {} : { words: mark })
  const row = (
    mark: Mark,
    text: string,
    check: (target: Target) => Promise<void>,
    more: Partial<Rule> = {}
  ): Rule => ({
    ...{ clause, mark, text },
    check: async (target) => {
      await target.needs(name)
      await check(target)
    },
    ...more
  })
  /** A body that is right but for one thing is refused. */
  const refused = (
    mark: Mark,
    text: string,
    change: (right: Fields, target: Target) => object | Promise<object>,
    fault: Fault
  ): Rule =>
    row(mark, text, async (target) => {
      const { body } = await target.approvals.body()
      expectFault(await target.call(name, { ...body, ...(await change(body, target)) }), fault)
    })
  const scal2 = async (target: Target): Promise<void> => {
    if ((await target.credential()).scal === '1') throw new NotOffered('SCAL is 1')
  }
  const tooHigh = { description: 'Numbers of signatures is too high', ...words('S') }
  const tooLow = { description: 'Invalid value for parameter numSignatures', ...words('S') }
  const noInteger = {
    description: [missing('integer', 'numSignatures'), 'Invalid value for parameter numSignatures'],
    ...words('S')
  }

  return [
    row(sure, 'an approval gives a SAD, and expiresIn in seconds if at all', async (target) => {
      const { sad, expiresIn } = await target.approvals.approve()
      must(sad !== '', 'the SAD is empty')
      must(expiresIn === null || (Number.isInteger(expiresIn) && expiresIn > 0), `expiresIn is ${expiresIn}`)
    }),
    row(sure, 'two approvals have two SADs', async (target) => {
      const [one, two] = await Promise.all([target.approvals.approve(), target.approvals.approve()])
      must(one.sad !== two.sad, 'they are the same')
    }),
    refused(sure, 'a credentialID of nobody is refused', () => ({ credentialID: 'conformance-none' }), {
      description: 'Invalid parameter credentialID'
    }),
    row(sure, 'a credential of somebody else is refused', async (target) => {
      const { foreignCredential } = target.options
      if (foreignCredential === null) throw new NotOffered('--foreign-credential is needed')
      const { body } = await target.approvals.body()
      // A token that speaks for nobody may ask anybody; then somebody else's phone would ring.
      const authorization = `Bearer ${await target.userToken()}`
      const asked = { ...body, credentialID: foreignCredential }
      const answer = await target.call(name, asked, { authorization })
      expectFault(answer, { description: 'Invalid parameter credentialID', words: 'U' })
    }),
    row(sure, 'a disabled credential is refused', async (target) => {
      const disabled = (await target.credentials()).find(({ enabled }) => !enabled)
      if (disabled === undefined) throw new NotOffered('the user has no disabled credential')
      const { body } = await target.approvals.body({ credential: disabled })
      expectFault(await target.call(name, body), {
        description: 'The credential identified by credentialID is disabled',
        ...words('S')
      })
    }),
    ...[0, -1, -(2 ** 53)].map((numSignatures) =>
      refused(sure, `numSignatures ${numSignatures} is refused`, () => ({ numSignatures }), tooLow)
    ),
    row(sure, 'numSignatures above multisign is refused', async (target) => {
      const { multisign } = await target.credential()
      const { body } = await target.approvals.body()
      // As many hashes as signatures, so that nothing else is wrong.
      const texts = body[hashes] as string[]
      const many = Array.from({ length: Math.min(multisign + 1, 2_000) }, () => texts[0])
      const answer = await target.call(name, { ...body, numSignatures: multisign + 1, [hashes]: many })
      expectFault(answer, tooHigh)
    }),
    ...[2 ** 31, 2 ** 53, 2 ** 63, 1e308].map((numSignatures) =>
      refused(sure, `numSignatures ${numSignatures} is refused`, () => ({ numSignatures }), {
        description: [...tooHigh.description.split('|'), ...noInteger.description],
        ...words('S')
      })
    ),
    row(sure, 'hashes are required where SCAL is 2', async (target) => {
      await scal2(target)
      const { body } = await target.approvals.body()
      const answer = await target.call(name, { ...body, [hashes]: undefined })
      expectFault(answer, { description: [missing('array', 'hash'), missing('array', 'hashes')], words: 'U' })
    }),
    row(sure, 'an empty list of hashes is refused where SCAL is 2', async (target) => {
      await scal2(target)
      const { body } = await target.approvals.body()
      expectFault(await target.call(name, { ...body, [hashes]: [] }), {
        description: 'Empty hash array',
        words: 'U'
      })
    }),
    refused(sure, 'a hash that is no base64 is refused', () => ({ [hashes]: ['!!!!'] }), {
      description: 'Invalid Base64 hash string parameter',
      words: 'U'
    }),
    ...[31, 33, 1, 20].map((octets) =>
      refused(
        'U',
        `a hash of ${octets} octets is refused`,
        () => ({ [hashes]: [Buffer.alloc(octets, 7).toString('base64')] }),
        {
          description: v1 ? undefined : 'Invalid digest value length'
        } as Fault
      )
    ),
    refused('U', 'an element of hashes that is a number is refused', () => ({ [hashes]: [1] }), {}),
    refused(
      'U',
      'a description of more than 500 characters is refused',
      () => ({ description: 'd'.repeat(501) }),
      {}
    ),
    row(
      sure,
      'a PIN that is wrong is refused',
      async (target) => {
        const { body, credential } = await target.approvals.body()
        const right = pinned(target, credential)
        const wrong = v1
          ? { PIN: 'conformance-0' }
          : {
              authData: (body.authData as Fields[]).map((one) =>
                one.id === right ? { ...one, value: 'conformance-0' } : one
              )
            }
        const answer = await target.call(name, { ...body, ...wrong })
        await target.approvals.approve() // the right one between two wrong ones
        if (v1) expectFault(answer, { error: 'invalid_pin', description: 'The PIN is invalid' })
        else expectFault(answer, wrongData)
      },
      { lane: 'secrets' }
    ),
    row(sure, 'without its PIN nothing is authorized', async (target) => {
      const { body, credential } = await target.approvals.body()
      const right = pinned(target, credential)
      const wrong = v1
        ? { PIN: undefined }
        : { authData: (body.authData as Fields[]).filter(({ id }) => id !== right) }
      const answer = await target.call(name, { ...body, ...wrong })
      must(answer.status === 400, said(answer))
    }),
    {
      clause,
      mark: sure,
      text: 'a locked PIN is told as such',
      check: { untried: 'nobody is locked out to find out' }
    },
    {
      clause,
      mark: sure,
      text: 'a locked OTP is told as such',
      check: { untried: 'nobody is locked out to find out' }
    },
    {
      clause,
      mark: 'P',
      text: 'where SCAL is 2, fewer hashes than numSignatures may be refused',
      check: { untried: 'either is allowed' }
    },
    row(sure, 'a credential of mode oauth2code is not for credentials/authorize', async (target) => {
      const other = (await target.credentials()).find(({ mode, enabled }) => enabled && mode === 'oauth2code')
      if (other === undefined) throw new NotOffered('no credential has mode oauth2code')
      const { body } = await target.approvals.body({ credential: other })
      const answer = await target.call(name, body)
      must(answer.status === 400, said(answer))
    }),
    row(sure, 'where SCAL is 1, any hash takes one of the approved signatures', async (target) => {
      const one = (await target.credentials()).find(({ scal, enabled }) => enabled && scal === '1')
      if (one === undefined) throw new NotOffered('no credential has SCAL 1')
      const approval = await target.approvals.approve({ credential: one })
      await signsAll(target, approval)
    }),
    ...(v1 ? [] : onlyV2(row, refused, sure))
  ]
}

const wrongData: Fault = {
  error: 'invalid_authentication_data',
  description: 'The authentication data is invalid',
  words: 'S'
}

type Row = (mark: Mark, text: string, check: (target: Target) => Promise<void>) => Rule
type Refused = (
  mark: Mark,
  text: string,
  change: (right: Fields, target: Target) => object | Promise<object>,
  fault: Fault
) => Rule

const onlyV2 = (row: Row, refused: Refused, sure: Mark): Rule[] => {
  const factors = async (target: Target): Promise<void> => {
    const credential = await target.credential()
    if (credential.mode !== 'explicit') throw new NotOffered('auth.mode is not explicit')
    if (authObjectsOf(credential).length === 0) throw new NotOffered('auth.objects is empty')
  }
  const wrong = (text: string, authData: unknown): Rule =>
    refused(
      'S',
      text,
      async (_, target) => {
        await factors(target)
        return { authData }
      },
      { error: ['invalid_authentication_data', 'invalid_request'] }
    )
  return [
    wrong('authData is required where auth.mode is explicit', undefined),
    wrong('authData must satisfy auth.expression', []),
    wrong('authData with an id that no object has is refused', [{ id: 'conformance' }]),
    wrong('authData with an element that is no object is refused', ['conformance']),
    wrong('authData without an id is refused', [{ value: '1' }]),
    row('S', 'an out-of-band factor is 202 with a handle, then authorizeCheck', async (target) => {
      const { body, credential } = await target.approvals.body()
      if (!authObjectsOf(credential).some(({ type }) => String(type).endsWith('OOB')))
        throw new NotOffered('no factor is out of band')
      target.person.confirmSoon('one document, "csc-conformance"')
      const first = await target.approvals.inPlace(() => target.call(name, body))
      const { handle } = success(first, 202)
      must(typeof handle === 'string' && handle !== '', `handle is ${shown(handle)}`)
    }),
    refused(sure, 'hashAlgorithmOID is required with hashes', () => ({ hashAlgorithmOID: undefined }), {
      description: [missing('string', 'hashAlgorithmOID'), 'Invalid parameter hashAlgorithmOID'],
      words: 'U'
    }),
    ...['1.2.3', 'sha256', '1.3.14.3.2.26', ''].map((hashAlgorithmOID) =>
      refused(
        sure,
        `hashAlgorithmOID ${hashAlgorithmOID || '(empty)'} is refused`,
        () => ({ hashAlgorithmOID }),
        {
          description: ['Invalid parameter hashAlgorithmOID', missing('string', 'hashAlgorithmOID')],
          words: 'U'
        }
      )
    )
  ]
}
