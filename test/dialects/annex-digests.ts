import type { Test } from 'tap'
import { digestOf } from '../clients/journey.js'
import { type AnnexStage, badRequest, diagnosisOf, isFault, isSigned, newId } from './annex-stage.js'

/** DER of a DigestInfo with SHA-256 up to its digest (RFC 8017 §9.2, note 1). */
const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
/** The same without the NULL of the algorithm. */
const bare = Buffer.from('302f300b06096086480165030402010420', 'hex')

interface Mistake {
  name: string
  text: (digest: Buffer) => string
  /** What the operator is told. */
  codes: string[]
  /** Whether what was meant is certain, so that a lenient relying party gets a signature over it. */
  certain: boolean
}

/** Mistakes that integrators of both forms make. `write`: in the form of the dialect. */
const inBoth = (write: (octets: Buffer) => string): Mistake[] => [
  {
    name: 'a line break after it',
    text: (digest) => `${write(digest)}\r\n`,
    codes: ['digest_with_space'],
    certain: true
  },
  {
    name: 'a DigestInfo',
    text: (digest) => write(Buffer.concat([prefix, digest])),
    codes: ['digest_info_for_digest'],
    certain: true
  },
  {
    name: 'a DigestInfo without NULL',
    text: (digest) => write(Buffer.concat([bare, digest])),
    codes: ['digest_info_for_digest', 'digest_info_without_null'],
    certain: true
  },
  {
    name: 'a DigestInfo in another',
    text: (digest) => write(Buffer.concat([prefix, prefix, digest])),
    codes: ['digest_info_doubled'],
    certain: true
  },
  { name: 'nothing', text: () => '', codes: ['digest_missing'], certain: false },
  { name: 'spaces alone', text: () => ' \r\n', codes: ['digest_missing'], certain: false },
  {
    name: 'SHA-1',
    text: () => write(Buffer.alloc(20, 7)),
    codes: ['digest_of_other_hash'],
    certain: false
  },
  {
    name: 'SHA-512',
    text: () => write(Buffer.alloc(64, 7)),
    codes: ['digest_of_other_hash'],
    certain: false
  },
  {
    name: 'an octet too few',
    text: (digest) => write(digest.subarray(1)),
    codes: ['digest_length'],
    certain: false
  },
  { name: 'words', text: () => 'chữ ký', codes: ['digest_with_space', 'digest_unreadable'], certain: false }
]

const inHex: Mistake[] = [
  {
    name: 'base64',
    text: (digest) => digest.toString('base64'),
    codes: ['digest_base64_for_hex'],
    certain: true
  },
  {
    name: 'base64 of the hexadecimal text',
    text: (digest) => Buffer.from(digest.toString('hex')).toString('base64'),
    codes: ['digest_base64_for_hex', 'digest_encoded_twice'],
    certain: true
  },
  ...inBoth((octets) => octets.toString('hex'))
]

const inBase64: Mistake[] = [
  {
    name: 'hexadecimal, which is base64 of 48 octets as well',
    text: (digest) => digest.toString('hex'),
    codes: ['digest_hex_for_base64'],
    certain: false
  },
  {
    name: 'base64url',
    text: (digest) => digest.toString('base64url'),
    codes: ['digest_base64url'],
    certain: true
  },
  {
    name: 'no padding',
    text: (digest) => digest.toString('base64').replace('=', ''),
    codes: ['digest_base64url'],
    certain: true
  },
  {
    name: 'base64 of the hexadecimal text',
    text: (digest) => Buffer.from(digest.toString('hex')).toString('base64'),
    codes: ['digest_encoded_twice'],
    certain: true
  },
  {
    name: 'base64 twice',
    text: (digest) => Buffer.from(digest.toString('base64')).toString('base64'),
    codes: ['digest_encoded_twice'],
    certain: true
  },
  ...inBoth((octets) => octets.toString('base64'))
]

/** Digests in a wrong form, as integrators send them (docs/providers, "Common mistakes"). */
export async function digestMistakes(t: Test, stage: AnnexStage): Promise<void> {
  const { dialect } = stage
  const mistakes = dialect.manners.form === 'hex' ? inHex : inBase64
  const digest = digestOf('viết sai')

  await t.test('a strict relying party is told what is wrong, and nobody is asked', async (t) => {
    const person = await stage.person()
    const { client } = await stage.register({ mode: 'strict' })
    // All at once: whoever is refused again and again waits for each answer.
    const answers = await Promise.all(
      mistakes.map(({ text }) =>
        client.sign(person.login, newId(), [{ data_to_be_signed: text(digest), doc_id: 'doc-1' }])
      )
    )
    for (const [index, answer] of answers.entries()) {
      const { name = '', codes = [] } = mistakes[index] ?? {}
      isFault(t, answer, badRequest, name)
      const { codes: told, body } = await diagnosisOf(stage, answer)
      t.same(told, codes.slice(0, 1), `${name}: the first that is wrong`)
      t.match(body, { error: String, transaction: null })
    }
    t.same(await person.device.challenges(), [])
  })

  await t.test('a lenient one gets what it certainly meant signed, and the operator sees it', async (t) => {
    const { client, clientId } = await stage.register({ mode: 'lenient' })
    const { cert_data: certificate } = await client.certificate(dialect.login)
    const ask = async ({ text }: Mistake) => {
      const transactionId = newId()
      const right = client.files([digestOf('viết đúng')])
      const files = [...right, { data_to_be_signed: text(digest), doc_id: 'doc-2' }]
      return { transactionId, answer: await client.sign(dialect.login, transactionId, files) }
    }
    const isNoted = async ({ name, codes }: Mistake, answer: Awaited<ReturnType<typeof ask>>['answer']) => {
      const { codes: told, body } = await diagnosisOf(stage, answer)
      t.same(told, codes, name)
      t.match(body, { clientId, diagnoses: [{ field: 'sign_files[1].data_to_be_signed' }] })
      return body
    }
    for (const mistake of mistakes.filter(({ certain }) => certain)) {
      const { transactionId, answer } = await ask(mistake)
      t.equal(answer.status, 200, mistake.name)
      t.match(await isNoted(mistake, answer), { error: null, transaction: { transactionId } })
      const result = await client.outcome(transactionId, dialect.waits, { proved: true })
      const digests = [digestOf('viết đúng'), digest]
      const docIds = ['doc-1', 'doc-2']
      await isSigned(t, result, stage, { transactionId, docIds, digests, certificate, spId: clientId })
    }
    const uncertain = mistakes.filter(({ certain }) => !certain)
    for (const [index, { answer }] of (await Promise.all(uncertain.map(ask))).entries()) {
      const mistake = uncertain[index]
      if (mistake === undefined) continue
      isFault(t, answer, badRequest, mistake.name)
      t.match(await isNoted(mistake, answer), { error: String, transaction: null })
    }
  })

  await t.test('nothing is noted of a request that is right', async (t) => {
    const { client } = await stage.register({ mode: 'lenient' })
    const transactionId = newId()
    const answer = await client.sign(dialect.login, transactionId, client.files([digest]))
    const { status, codes, body } = await diagnosisOf(stage, answer)
    t.same([status, codes], [200, []])
    t.match(body, { error: null, call: null, transaction: { transactionId } })
  })
}
