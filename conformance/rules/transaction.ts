import { expectFault, missing } from '../reading/fault.js'
import { type Fields, said, shown, success, textOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { type Approval, madeUp } from '../server/approvals.js'
import { signHash, signsAll, verifies } from '../server/signing.js'
import { authObjectsOf, type Target } from '../server/target.js'

/** What lies between authorizing and signing: authorizeCheck, getChallenge, sendOTP, extendTransaction. */
export const transaction: RuleTable = (version) => [
  ...extending(version),
  ...(version === 'v1' ? sendingCodes() : checking())
]

const rowsOf =
  (clause: string, method: string) =>
  (mark: Mark, text: string, check: (target: Target) => Promise<void>): Rule => ({
    ...{ clause, mark, text },
    check: async (target) => {
      await target.needs(method)
      await check(target)
    }
  })

function checking(): Rule[] {
  const check = rowsOf(clauses.authorizeCheck.v2, 'credentials/authorizeCheck')
  const challenge = rowsOf(clauses.getChallenge.v2, 'credentials/getChallenge')
  const handleOf = async (target: Target): Promise<string> => {
    const { body, credential } = await target.approvals.body()
    if (!authObjectsOf(credential).some(({ type }) => String(type).endsWith('OOB')))
      throw new NotOffered('no factor is out of band')
    return textOf(success(await target.call('credentials/authorize', body), 202), 'handle')
  }
  return [
    ...['conformance', '', '00000000-0000-7000-8000-000000000000', 'h'.repeat(5_000)].map((handle) =>
      check('C', `a handle nobody has (${handle.slice(0, 40) || 'empty'}) is refused`, async (target) => {
        const answer = await target.call('credentials/authorizeCheck', { handle })
        expectFault(answer, { description: 'Invalid parameter handle', words: 'S' })
      })
    ),
    check('S', '202 has a handle, 200 the SAD', async (target) => {
      target.person.confirmSoon('one document, "csc-conformance"')
      let handle = await handleOf(target)
      for (let turn = 0; turn < 600; turn += 1) {
        const answer = await target.call('credentials/authorizeCheck', { handle })
        if (answer.status === 200) {
          const fields = success(answer)
          textOf(fields, 'SAD')
          must(
            fields.expiresIn === undefined || typeof fields.expiresIn === 'number',
            `expiresIn is ${shown(fields.expiresIn)}`
          )
          return
        }
        handle = textOf(success(answer, 202), 'handle')
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
      must(false, 'nobody confirmed')
    }),
    check('U', 'what the user rejected is refused', async (target) => {
      target.person.rejectSoon('one document, "csc-conformance"')
      const handle = await handleOf(target)
      for (let turn = 0; turn < 600; turn += 1) {
        const answer = await target.call('credentials/authorizeCheck', { handle })
        if (answer.status !== 202)
          return expectFault(answer, {
            error: ['access_denied', 'invalid_authentication_data', 'invalid_request']
          })
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
      must(false, 'nobody rejected')
    }),
    {
      clause: clauses.authorizeCheck.v2,
      mark: 'S',
      text: 'a locked credential is told as such',
      check: { untried: 'nobody is locked out to find out' }
    },

    challenge('C', 'a credentialID of nobody is refused', async (target) => {
      const answer = await target.call('credentials/getChallenge', {
        credentialID: 'conformance-none',
        authObjectID: 'OTP'
      })
      expectFault(answer, { description: 'Invalid parameter credentialID', words: 'S' })
    }),
    challenge('C', 'an authObjectID that no object has is refused', async (target) => {
      const { id } = await target.credential()
      const answer = await target.call('credentials/getChallenge', {
        credentialID: id,
        authObjectID: 'conformance'
      })
      expectFault(answer, { description: 'Invalid parameter authObjectID', words: 'S' })
    }),
    challenge('S', 'a challenge is 200 with a text, or 204 where it is sent', async (target) => {
      const credential = await target.credential()
      const object = authObjectsOf(credential).find(({ type }) => type === 'ChallengeResponse')
      if (object === undefined) throw new NotOffered('no factor is a ChallengeResponse')
      const answer = await target.call('credentials/getChallenge', {
        credentialID: credential.id,
        authObjectID: object.id
      })
      if (answer.status === 204) must(answer.text === '', said(answer))
      else textOf(success(answer), 'challenge')
    })
  ]
}

function sendingCodes(): Rule[] {
  const name = 'credentials/sendOTP'
  const row = rowsOf(clauses.sendOtp.v1, name)
  return [
    row('P', 'a credentialID of nobody is refused', async (target) => {
      const answer = await target.call(name, { credentialID: 'conformance-none' })
      expectFault(answer, { description: 'Invalid parameter credentialID' })
    }),
    row('P', 'a code is sent: 204 without a body', async (target) => {
      const one = (await target.credentials()).find(
        ({ fields }) => (fields.OTP as Fields | undefined)?.type === 'online'
      )
      if (one === undefined) throw new NotOffered('no credential has an online OTP')
      const answer = await target.call(name, { credentialID: one.id })
      must(answer.status === 204 && answer.text === '', said(answer))
    }),
    {
      clause: clauses.sendOtp.v1,
      mark: 'P',
      text: 'a locked OTP is told as such',
      check: { untried: 'nobody is locked out to find out' }
    }
  ]
}

function extending(version: 'v1' | 'v2'): Rule[] {
  const name = 'credentials/extendTransaction'
  const clause = clauses.extend[version]
  const row = rowsOf(clause, name)
  const ask = (
    target: Target,
    { sad, credential, scheme }: Approval,
    documents: Approval['documents'],
    more: object = {}
  ) =>
    target.call(name, {
      credentialID: credential.id,
      SAD: sad,
      [target.names.hashes]: documents.map(({ digest }) => digest.toString('base64')),
      ...(version === 'v2' ? { hashAlgorithmOID: scheme.hash.oid } : {}),
      ...more
    })
  const two = (target: Target) => target.approvals.approve({ documents: 2 })
  return [
    row('P', 'a SAD with signatures left is extended, and the new one signs', async (target) => {
      const approval = await two(target)
      const [first, second] = approval.documents.map((document) => [document])
      must(first !== undefined && second !== undefined, 'two documents')
      verifies(await signHash(target, approval, first), approval, first)
      const fields = success(await ask(target, approval, second))
      const extended = { ...approval, sad: textOf(fields, 'SAD') }
      must(
        fields.expiresIn === undefined || typeof fields.expiresIn === 'number',
        `expiresIn is ${shown(fields.expiresIn)}`
      )
      await signsAll(target, extended, second)
      // The authorized number must not be exceeded.
      const more = await ask(target, extended, second)
      if (more.status === 200) {
        const over = await signHash(target, { ...extended, sad: textOf(success(more), 'SAD') }, second)
        must(over.status === 400, `a third of two signatures was made: ${said(over)}`)
      }
    }),
    row('U', 'the SAD that was extended signs no more', async (target) => {
      const approval = await two(target)
      const [first, second] = approval.documents.map((document) => [document])
      must(first !== undefined && second !== undefined, 'two documents')
      success(await signHash(target, approval, first))
      success(await ask(target, approval, second))
      const answer = await signHash(target, approval, second)
      must(answer.status === 400, said(answer))
    }),
    ...(version === 'v2'
      ? []
      : [
          row('P', 'a SAD with signatures left must be extended before the next signHash', async (target) => {
            const approval = await two(target)
            const [first, second] = approval.documents.map((document) => [document])
            must(first !== undefined && second !== undefined, 'two documents')
            success(await signHash(target, approval, first))
            const answer = await signHash(target, approval, second)
            must(answer.status === 400, said(answer))
          })
        ]),
    row('P', 'a SAD nobody has is refused', async (target) => {
      const approval = await target.approvals.shared()
      const answer = await ask(target, { ...approval, sad: 'conformance-no-sad' }, approval.documents)
      expectFault(answer, { description: 'Invalid parameter SAD', words: 'U' })
    }),
    row('P', 'a spent SAD is refused', async (target) => {
      const approval = await target.approvals.approve()
      success(await signHash(target, approval))
      const answer = await ask(target, approval, approval.documents)
      must(answer.status === 400, said(answer))
    }),
    row('P', 'a SAD is required', async (target) => {
      const approval = await target.approvals.shared()
      const answer = await ask(target, approval, approval.documents, { SAD: undefined })
      expectFault(answer, { description: missing('string', 'SAD'), words: 'U' })
    }),
    row('P', 'a SAD of another credential is refused', async (target) => {
      const approval = await target.approvals.shared()
      const other = (await target.credentials()).find(({ id }) => id !== approval.credential.id)
      if (other === undefined) throw new NotOffered('the user has one credential')
      const answer = await ask(target, approval, approval.documents, { credentialID: other.id })
      must(answer.status === 400, said(answer))
    }),
    row('P', 'hashes are required where SCAL is 2', async (target) => {
      const approval = await target.approvals.shared()
      if (approval.credential.scal === '1') throw new NotOffered('SCAL is 1')
      const answer = await ask(target, approval, approval.documents, { [target.names.hashes]: undefined })
      must(answer.status === 400, said(answer))
    }),
    row('U', 'a hash of wrong length is refused', async (target) => {
      const approval = await target.approvals.shared()
      const short = { ...madeUp(approval.scheme), digest: Buffer.alloc(3) }
      const answer = await ask(target, approval, [short])
      must(answer.status === 400, said(answer))
    }),
    {
      clause,
      mark: 'P',
      text: 'an expired SAD is not extended',
      check: { untried: 'tried with signHash, 11.9 or 11.10: SAD expired' }
    }
  ]
}
