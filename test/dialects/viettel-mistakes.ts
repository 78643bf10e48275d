import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { type Cast, digestOf } from '../clients/journey.js'
import { base64, type MySignError, type SignFields, signatureOf } from '../clients/viettel.js'
import { verifies } from './openssl.js'
import { an, party } from './viettel-stage.js'

/** What clients get wrong: refused from the strict, taken from the lenient where it is clear, and explained to both. */
export async function mistakes(t: Test, { url, stage }: { url: string; stage: Cast }): Promise<void> {
  const { operator } = stage
  const modes = { strict: await party(stage, url), lenient: await party(stage, url, { mode: 'lenient' }) }
  const tokens = {
    strict: await modes.strict.client.tokenFor(an),
    lenient: await modes.lenient.client.tokenFor(an)
  }
  const { credential_id, cert } = await modes.strict.client.credential(tokens.strict, an)
  const leaf = Buffer.from(cert.certificates[0] ?? '', 'base64')
  const digest = digestOf('nhầm')
  const text = digest.toString('base64')
  const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest])
  const documents = (document_name: string) => ({ documents: [{ document_id: 'a', document_name }] })

  const cases: [what: string, changes: SignFields, code: string, lenient: 'taken' | 'refused'][] = [
    ['a digest in hexadecimal', { hash: [digest.toString('hex')] }, 'digest_hex_for_base64', 'refused'],
    ['a DigestInfo', { hash: [info.toString('base64')] }, 'digest_info_for_digest', 'taken'],
    ['base64 twice', { hash: [base64(text)] }, 'digest_encoded_twice', 'taken'],
    ['base64url', { hash: [digest.toString('base64url')] }, 'digest_base64url', 'taken'],
    ['a line break', { hash: [`${text}\r\n`] }, 'digest_with_space', 'taken'],
    [
      'a SHA-1 digest',
      { hash: [createHash('sha1').update('x').digest('base64')] },
      'digest_of_other_hash',
      'refused'
    ],
    ['a document', { hash: [Buffer.alloc(1000).toString('base64')] }, 'document_for_digest', 'refused'],
    ['SHA-1', { hashAlgo: '1.3.14.3.2.26' }, 'hash_algo_other', 'refused'],
    ['SHA-256 by name', { hashAlgo: 'SHA-256' }, 'hash_algo_by_name', 'taken'],
    ['no hashAlgo', { hashAlgo: undefined }, 'hash_algo_missing', 'taken'],
    ['no signAlgo', { signAlgo: undefined }, 'sign_algo_missing', 'taken'],
    ['ECDSA', { signAlgo: '1.2.840.10045.4.3.2' }, 'sign_algo_other', 'refused'],
    ['RSA-PSS', { signAlgo: '1.2.840.113549.1.1.10' }, 'sign_algo_other', 'refused'],
    ['the member as it was listed', { credentialID: undefined, credential_id }, 'member_misspelled', 'taken'],
    [
      'another letter case',
      { credentialID: undefined, credentialId: credential_id },
      'member_misspelled',
      'taken'
    ],
    ['no credential', { credentialID: undefined }, 'member_missing', 'refused'],
    ['a name with marks as it is', documents('Uỷ nhiệm chi số 42'), 'document_name_unencoded', 'taken'],
    ['a name of 100 characters', documents(base64('ệ'.repeat(100))), 'document_name_long', 'taken'],
    ['a description as it is', { description: 'Hồ sơ' }, 'description_unencoded', 'taken'],
    ['numbers as text', { numSignatures: '1', async: '1' }, 'number_as_text', 'taken'],
    ['no numSignatures', { numSignatures: undefined }, 'number_of_signatures_missing', 'taken'],
    ['another number of signatures', { numSignatures: 2 }, 'counts_differ', 'refused'],
    ['a digest too many', { hash: [text, text], numSignatures: 2 }, 'counts_differ', 'refused'],
    ['a webhook without an address', { async: 3 }, 'callback_not_registered', 'refused']
  ]
  for (const [what, changes, code, lenient] of cases) {
    await t.test(`${what}: refused from the strict, ${lenient} from the lenient`, async (t) => {
      for (const mode of ['strict', 'lenient'] as const) {
        const { client } = modes[mode]
        const { status, body, headers } = await client.sign(
          tokens[mode],
          client.signFields(credential_id, [digest], changes)
        )
        const taken = mode === 'lenient' && lenient === 'taken'
        if (taken) t.equal(status, 200, JSON.stringify(body))
        else t.match({ status, body }, { status: 400, body: { error: '30000', error_description: /\S/ } })

        const { body: note } = await operator.get(`/requests/${headers.get('x-request-id')}`)
        t.match(note.diagnoses, [{ code }], `${mode}: ${code}`)
        if (!taken) continue
        const ended = await client.ended(tokens[mode], body.transactionId)
        t.ok(
          await verifies(leaf, digest, signatureOf(ended.body.signatures?.[0])),
          'what was meant is signed'
        )
      }
    })
  }

  await t.test(
    'a right request leaves no note, and names of 99 characters and plain ones pass',
    async (t) => {
      const { client } = modes.strict
      for (const name of [base64('ệ'.repeat(99)), 'Uy-nhiem_chi 42']) {
        const { status, body } = await client.sign(
          tokens.strict,
          client.signFields(credential_id, [digest], documents(name))
        )
        t.equal(status, 200)
        t.equal((await client.ended(tokens.strict, body.transactionId)).body.status, '1')
      }
    }
  )

  await t.test('transaction_id is taken for transactionId from the lenient', async (t) => {
    const unknown = { transaction_id: '01890000-0000-7000-8000-000000000000' }
    for (const [mode, error] of [
      ['strict', '30000'],
      ['lenient', '62000']
    ] as const)
      t.equal(
        (await modes[mode].client.post<MySignError>('requests/status', unknown, tokens[mode])).body.error,
        error
      )
  })
}
