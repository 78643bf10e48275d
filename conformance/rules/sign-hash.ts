import { setTimeout as sleep } from 'node:timers/promises'
import { ecPublicKey, rsaEncryption, rsassaPss, sha1Oid } from '../reading/algorithms.js'
import { expectFault, type Fault, missing } from '../reading/fault.js'
import { type Fields, said, success } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { requireTime } from '../run.js'
import { madeUp } from '../server/approvals.js'
import { needsMultisign, signHash, signsAll, verifies, wrongSigning } from '../server/signing.js'
import type { Target } from '../server/target.js'

const name = 'signatures/signHash'

/** signatures/signHash: what is signed, how often, and what is said when it is not. */
export const signing: RuleTable = (version) => {
  const clause = clauses.signHash[version]
  const v1 = version === 'v1'
  const sure: Mark = v1 ? 'P' : 'C'
  const hashes = v1 ? 'hash' : 'hashes'
  const hashAlgorithm = v1 ? 'hashAlgo' : 'hashAlgorithmOID'
  const words: { words?: Mark } = v1 ? {} : { words: 'S' }
  const row = (mark: Mark, text: string, check: (target: Target) => Promise<void>): Rule => ({
    ...{ clause, mark, text },
    check: async (target) => {
      await target.needs(name)
      await check(target)
    }
  })
  /** A body that is right but for one thing is refused with the words of the table. */
  const refused = (mark: Mark, text: string, change: (right: Fields) => object, fault: Fault): Rule =>
    row(mark, text, async (target) =>
      expectFault(await wrongSigning(target, (right) => ({ ...right, ...change(right) })), fault)
    )
  const notAuthorized: Fault = {
    ...words,
    description: v1
      ? 'Hash is not authorized by the SAD.'
      : ['Hash is not authorized by the SAD', 'Hash is not authorized by the SAD.']
  }
  const invalidSad: Fault = { ...words, description: 'Invalid parameter SAD' }
  const scal2 = async (target: Target): Promise<void> => {
    if ((await target.credential()).scal === '1') throw new NotOffered('SCAL is 1')
  }

  return [
    row(
      'P',
      'an approved hash is signed, and the signature verifies with the certificate’s key',
      async (target) => {
        await signsAll(target, await target.approvals.approve())
      }
    ),
    row('P', 'several hashes are signed in one call, in their order', async (target) => {
      await needsMultisign(target, 3)
      await signsAll(target, await target.approvals.approve({ documents: 3 }))
    }),
    row('P', 'hashes may be signed in another order than they were authorized in', async (target) => {
      await needsMultisign(target, 3)
      const approval = await target.approvals.approve({ documents: 3 })
      await signsAll(target, approval, approval.documents.toReversed())
    }),
    row(sure, 'as many hashes as multisign allows are signed in one call', async (target) => {
      const { multisign } = await target.credential()
      const count = Math.min(multisign, 100)
      if (count < 4) throw new NotOffered(`multisign is ${multisign}`)
      await signsAll(target, await target.approvals.approve({ documents: count }))
    }),
    row('P', 'a hash that was not authorized is refused', async (target) => {
      await scal2(target)
      const approval = await target.approvals.shared()
      expectFault(await signHash(target, approval, [madeUp(approval.scheme)]), notAuthorized)
    }),
    row('P', 'a hash beside an authorized one is refused, and nothing is signed', async (target) => {
      const approval = await target.approvals.approve()
      const answer = await signHash(target, approval, [...approval.documents, madeUp(approval.scheme)])
      expectFault(answer, {
        ...{ error: ['invalid_request', 'Invalid_request'], words: 'U' },
        description: [
          'Hash is not authorized by the SAD.',
          'Hash is not authorized by the SAD',
          'Numbers of signatures is too high'
        ]
      })
    }),
    row('P', 'a hash authorized once is not signed twice in one call', async (target) => {
      const approval = await target.approvals.approve()
      const answer = await signHash(target, approval, [...approval.documents, ...approval.documents])
      must(answer.status === 400, said(answer))
    }),
    row('P', 'a spent SAD signs no more', async (target) => {
      const approval = await target.approvals.approve()
      success(await signHash(target, approval))
      const again = await signHash(target, approval)
      must(again.status === 400, said(again))
      expectFault(again, { ...invalidSad, words: 'U' })
    }),
    row('P', 'a SAD signs once, also when it comes four times at the same moment', async (target) => {
      const approval = await target.approvals.approve()
      const answers = await Promise.all([1, 2, 3, 4].map(() => signHash(target, approval)))
      const made = answers.filter(({ status }) => status === 200)
      must(made.length === 1, `${made.length} of four were signed`)
      for (const answer of made) verifies(answer, approval, approval.documents)
    }),
    row('P', 'a hash of one approval is not signed by the SAD of another', async (target) => {
      await scal2(target)
      const [one, two] = [await target.approvals.approve(), await target.approvals.shared()]
      const answer = await signHash(target, { ...one, sad: two.sad })
      must(answer.status === 400, said(answer))
    }),
    row('P', 'a SAD of another credential is refused', async (target) => {
      const all = (await target.credentials()).filter(({ enabled }) => enabled)
      const approval = await target.approvals.shared()
      const other = all.find(({ id }) => id !== approval.credential.id)
      if (other === undefined) throw new NotOffered('the user has one enabled credential')
      const [signAlgo] = other.algorithms.filter((oid) => /\.(11|4\.3\.2)$/.test(oid))
      const body = {
        ...target.approvals.signing(approval),
        credentialID: other.id,
        ...(signAlgo === undefined ? {} : { signAlgo })
      }
      const answer = await target.call(name, body)
      must(answer.status === 400, said(answer))
      expectFault(answer, { ...invalidSad, words: 'U' })
    }),
    row('P', 'a SAD with a letter changed is refused', async (target) => {
      const approval = await target.approvals.shared()
      const at = Math.floor(approval.sad.length / 2)
      const letter = approval.sad[at] === 'A' ? 'B' : 'A'
      const sad = `${approval.sad.slice(0, at)}${letter}${approval.sad.slice(at + 1)}`
      const answer = await signHash(target, { ...approval, sad })
      must(answer.status >= 400 && answer.status < 500, said(answer))
      expectFault(answer, { ...invalidSad, words: 'U' })
    }),
    ...['conformance-no-sad', '', 'x'.repeat(10_000)].map((SAD) =>
      refused(sure, `a SAD nobody has (${SAD.slice(0, 18) || 'empty'}) is refused`, () => ({ SAD }), {
        ...words,
        description: ['Invalid parameter SAD', ...(SAD === '' ? [missing('string', 'SAD')] : [])]
      })
    ),
    row('U', 'a refused parameter does not spend the SAD', async (target) => {
      const approval = await target.approvals.approve()
      const wrong = { ...target.approvals.signing(approval), signAlgo: '1.2.3' }
      must((await target.call(name, wrong)).status === 400, 'it was not refused')
      await signsAll(target, approval)
    }),
    row('P', 'an expired SAD is refused as such', async (target) => {
      const { credential } = await target.approvals.shared()
      const approval = await target.approvals.approve({ credential })
      const ms = (approval.expiresIn ?? 3_600) * 1000 + 1_500
      requireTime(target, ms, 'the SAD has to expire')
      await sleep(ms)
      expectFault(await signHash(target, approval), { ...words, description: 'SAD expired' })
    }),

    refused(sure, 'a credentialID of nobody is refused', () => ({ credentialID: 'conformance-none' }), {
      description: ['Invalid parameter credentialID', ...(v1 ? [] : ['Invalid parameter SAD'])],
      words: 'U'
    }),
    refused(sure, 'an empty array of hashes is refused', () => ({ [hashes]: [] }), {
      description: 'Empty hash array'
    }),
    ...['!!!!', 'a', 'sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWu=', 'äöü'].map((text) =>
      refused(sure, `a hash that is no base64 (${text}) is refused`, () => ({ [hashes]: [text] }), {
        ...words,
        description: [
          'Invalid Base64 hash string parameter',
          ...(text.length === 43 ? ['Invalid digest value length'] : [])
        ]
      })
    ),
    refused(
      'U',
      'a hash with a line break is refused',
      (right) => ({
        [hashes]: [
          `${String((right[hashes] as string[])[0]).slice(0, 20)}\r\n${String((right[hashes] as string[])[0]).slice(20)}`
        ]
      }),
      {
        description: 'Invalid Base64 hash string parameter'
      }
    ),
    refused('U', 'a hash that is a number is refused', () => ({ [hashes]: [1] }), {}),
    refused('U', 'a hash that is null is refused', () => ({ [hashes]: [null] }), {}),
    ...[0, 20, 31, 33, 48, 64].map((octets) =>
      refused(
        octets === 0 ? 'U' : sure,
        `a hash of ${octets} octets for SHA-256 is refused`,
        () => ({ [hashes]: [Buffer.alloc(octets, 7).toString('base64')] }),
        {
          ...words,
          description: [
            'Invalid digest value length',
            ...(octets === 0 ? ['Invalid Base64 hash string parameter'] : [])
          ]
        }
      )
    ),
    row('U', 'two thousand hashes too many are refused', async (target) => {
      const answer = await wrongSigning(target, (right) => ({
        ...right,
        [hashes]: Array.from({ length: 2_100 }, () => (right[hashes] as string[])[0])
      }))
      must(answer.status < 500, said(answer), 'P')
      must([400, 413].includes(answer.status), said(answer))
    }),

    ...['1.2.3', 'sha256WithRSAEncryption', ''].map((signAlgo) =>
      refused(sure, `signAlgo ${signAlgo || '(empty)'} is refused`, () => ({ signAlgo }), {
        ...words,
        description: [
          'Invalid parameter signAlgo',
          ...(signAlgo === '' ? [missing('string', 'signAlgo')] : [])
        ]
      })
    ),
    row(sure, 'a signAlgo that is not among key.algo is refused', async (target) => {
      const { algorithms } = await target.credential()
      const signAlgo = ['1.2.840.10045.4.3.2', '1.2.840.113549.1.1.11'].find(
        (oid) => !algorithms.includes(oid)
      )
      if (signAlgo === undefined) throw new NotOffered('key.algo has all')
      const answer = await wrongSigning(target, (right) => ({ ...right, signAlgo }))
      expectFault(answer, { ...words, description: 'Invalid parameter signAlgo' })
    }),
    row(sure, 'PSS without signAlgoParams is refused', async (target) => {
      await has(target, rsassaPss)
      const answer = await wrongSigning(target, (right) => ({ ...right, signAlgo: rsassaPss }))
      expectFault(answer, { ...words, description: missing('string', 'signAlgoParams') })
    }),
    ...[1, true, ['a'], {}].map((signAlgoParams) =>
      row(sure, `PSS with signAlgoParams ${JSON.stringify(signAlgoParams)} is refused`, async (target) => {
        await has(target, rsassaPss)
        const answer = await wrongSigning(target, (right) => ({
          ...right,
          signAlgo: rsassaPss,
          signAlgoParams
        }))
        expectFault(answer, { ...words, description: missing('string', 'signAlgoParams') })
      })
    ),
    ...[
      { what: 'no DER', signAlgoParams: 'AAAA' },
      { what: 'no base64', signAlgoParams: '!!!!' },
      { what: 'SHA-1 by default', signAlgoParams: 'MAA=' }
    ].map(({ what, signAlgoParams }) =>
      row('U', `PSS with signAlgoParams that are ${what} is refused`, async (target) => {
        await has(target, rsassaPss)
        const answer = await wrongSigning(target, (right) => ({
          ...right,
          signAlgo: rsassaPss,
          signAlgoParams
        }))
        must(answer.status === 400, said(answer))
      })
    ),
    row(sure, `${hashAlgorithm} is required where signAlgo implies no hash`, async (target) => {
      const signAlgo = await generic(target)
      const answer = await wrongSigning(target, (right) => ({
        ...right,
        signAlgo,
        [hashAlgorithm]: undefined
      }))
      expectFault(answer, { ...words, description: missing('string', hashAlgorithm) })
    }),
    ...[1, true, ['a'], {}].map((value) =>
      row(
        sure,
        `${hashAlgorithm} ${JSON.stringify(value)} is refused where signAlgo implies no hash`,
        async (target) => {
          const signAlgo = await generic(target)
          const answer = await wrongSigning(target, (right) => ({
            ...right,
            signAlgo,
            [hashAlgorithm]: value
          }))
          expectFault(answer, { ...words, description: missing('string', hashAlgorithm) })
        }
      )
    ),
    ...['1.2.3', 'SHA-256', sha1Oid].map((oid) =>
      row(sure, `${hashAlgorithm} ${oid} is refused`, async (target) => {
        const signAlgo = await generic(target)
        const answer = await wrongSigning(target, (right) => ({ ...right, signAlgo, [hashAlgorithm]: oid }))
        expectFault(answer, { description: `Invalid parameter ${hashAlgorithm}` })
      })
    ),
    row('P', `a ${hashAlgorithm} that signAlgo implies already does no harm`, async (target) => {
      const approval = await target.approvals.approve()
      const body = { ...target.approvals.signing(approval), [hashAlgorithm]: approval.scheme.hash.oid }
      verifies(await target.call(name, body), approval, approval.documents)
    }),
    row('P', 'the certificate of an expired credential is named', async (target) => {
      const expired = (await target.credentials()).find(
        ({ fields }) => (fields.cert as Fields | undefined)?.status === 'expired'
      )
      if (expired === undefined) throw new NotOffered('the user has no expired credential')
      const answer = await wrongSigning(target, (right) => ({ ...right, credentialID: expired.id }))
      must(answer.status === 400, said(answer))
      must(
        /^Signing certificate '.*' is expired\.$/.test(String((answer.body as Fields).error_description)),
        said(answer),
        'U'
      )
    }),
    {
      clause,
      mark: 'P',
      text: 'an OTP behind the SAD that is wrong is refused',
      check: { untried: 'how an OTP stands behind a SAD is the service’s own' }
    },
    {
      clause,
      mark: 'P',
      text: 'a SAD of another client is refused',
      check: { untried: 'a second client would have to be registered' }
    },
    ...(v1 ? [] : onlyV2(row, refused, hashes))
  ]
}

type Row = (mark: Mark, text: string, check: (target: Target) => Promise<void>) => Rule
type Refused = (mark: Mark, text: string, change: (right: Fields) => object, fault: Fault) => Rule

const onlyV2 = (row: Row, refused: Refused, hashes: string): Rule[] => {
  const asynchronous = async (target: Target): Promise<void> => {
    const { asynchronousOperationMode } = await target.info()
    if (asynchronousOperationMode !== true) throw new NotOffered('asynchronousOperationMode is not true')
  }
  const wrongWait = (text: string, more: object, description: string): Rule =>
    row('S', text, async (target) => {
      await asynchronous(target)
      expectFault(await wrongSigning(target, (right) => ({ ...right, operationMode: 'A', ...more })), {
        description
      })
    })
  return [
    row('C', 'operationMode S is the default', async (target) => {
      const approval = await target.approvals.approve()
      const body = { ...target.approvals.signing(approval), operationMode: 'S' }
      verifies(await target.call(name, body), approval, approval.documents)
    }),
    ...['B', 's', ''].map((operationMode) =>
      refused('C', `operationMode ${operationMode || '(empty)'} is refused`, () => ({ operationMode }), {
        description: 'Invalid parameter operationMode'
      })
    ),
    row('C', 'operationMode A is refused where info does not announce it', async (target) => {
      const { asynchronousOperationMode } = await target.info()
      if (asynchronousOperationMode === true) throw new NotOffered('it is announced')
      const answer = await wrongSigning(target, (right) => ({ ...right, operationMode: 'A' }))
      expectFault(answer, { description: 'Invalid parameter operationMode', words: 'U' })
    }),
    row('C', 'operationMode A answers a responseID, and signPolling the signatures', async (target) => {
      await asynchronous(target)
      await target.needs('signatures/signPolling')
      const approval = await target.approvals.approve()
      const body = { ...target.approvals.signing(approval), operationMode: 'A' }
      const { responseID } = success(await target.call(name, body))
      for (let turn = 0; turn < 200; turn += 1) {
        const answer = await target.call('signatures/signPolling', { requestID: responseID })
        if (answer.status === 200) return verifies(answer, approval, approval.documents)
        expectFault(answer, { status: 202, error: 'accepted_request', words: 'S' })
        await sleep(200)
      }
      must(false, 'it is never done')
    }),
    wrongWait(
      'validity_period that is a text is refused',
      { validity_period: 'x' },
      'Invalid parameter validity_period'
    ),
    wrongWait(
      'validity_period that is a fraction is refused',
      { validity_period: 1.5 },
      'Invalid parameter validity_period'
    ),
    wrongWait(
      'validity_period out of bounds is refused',
      { validity_period: 1e15 },
      'Out of bounds parameter validity_period'
    ),
    wrongWait(
      'response_uri that is no address is refused',
      { response_uri: 'conformance' },
      'Invalid parameter response_uri'
    ),
    wrongWait(
      'response_uri that is a number is refused',
      { response_uri: 1 },
      'Invalid parameter response_uri'
    ),
    row('U', `${hashes} in base64url are understood`, async (target) => {
      const approval = await target.approvals.approve()
      const texts = approval.documents.map(({ digest }) => digest.toString('base64url'))
      verifies(
        await target.call(name, { ...target.approvals.signing(approval), [hashes]: texts }),
        approval,
        approval.documents
      )
    })
  ]
}

async function has(target: Target, oid: string): Promise<void> {
  if (!(await target.credential()).algorithms.includes(oid)) throw new NotOffered(`key.algo has no ${oid}`)
}

/** The signature algorithm of the key that implies no hash. */
async function generic(target: Target): Promise<string> {
  const { algorithms } = await target.credential()
  const oid = [rsaEncryption, ecPublicKey].find((one) => algorithms.includes(one))
  if (oid === undefined) throw new NotOffered('key.algo has no algorithm that implies no hash')
  return oid
}
