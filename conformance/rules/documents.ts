import { expectFault, type Fault } from '../reading/fault.js'
import { oidOctets, readToken } from '../reading/timestamp.js'
import { type Fields, octetsOf, said, success } from '../reading/values.js'
import { clauses, type Mark, must, type Rule, type RuleTable } from '../rule.js'
import type { Target } from '../server/target.js'
import { timestampBody } from './parameters.js'

/** signatures/signDoc, signPolling and timestamp, and what 2.2 adds. */
export const documents: RuleTable = (version) => [
  ...timestamps(version),
  ...(version === 'v1' ? [] : [...signDoc(), ...polling(), ...later()])
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

function timestamps(version: 'v1' | 'v2'): Rule[] {
  const name = 'signatures/timestamp'
  const sure: Mark = version === 'v1' ? 'P' : 'S'
  const row = rowsOf(clauses.timestamp[version], name)
  const refused = (text: string, change: object, fault: Fault, mark: Mark = sure): Rule =>
    row(mark, text, async (target) =>
      expectFault(await target.call(name, { ...timestampBody(), ...change }), fault)
    )
  const tokenOf = async (target: Target, more: object = {}) =>
    octetsOf(success(await target.call(name, { ...timestampBody(), ...more })).timestamp, 'timestamp')
  return [
    row(sure, 'a time-stamp token over the hash is given, not a whole response', async (target) => {
      const { type, content } = readToken(await tokenOf(target))
      must(type === '1.2.840.113549.1.7.2', `it is no CMS SignedData, but ${type}`)
      must(content.includes(oidOctets.tstInfo), 'there is no TSTInfo')
      must(content.includes(Buffer.from(String(timestampBody().hash), 'base64')), 'the hash is not in it')
    }),
    row(sure, 'a nonce is in the token', async (target) => {
      const nonce = '1f2e3d4c5b6a7988'
      must((await tokenOf(target, { nonce })).includes(Buffer.from(`0208${nonce}`, 'hex')), 'it is not')
    }),
    row('U', 'SHA-512 digests are stamped', async (target) => {
      const hash = Buffer.alloc(64, 5)
      const token = await tokenOf(target, {
        hash: hash.toString('base64'),
        hashAlgo: '2.16.840.1.101.3.4.2.3'
      })
      must(token.includes(hash), 'the hash is not in it')
    }),
    refused('an empty hash is refused', { hash: '' }, { description: 'Empty hash parameter' }),
    ...[20, 31, 33, 64].map((octets) =>
      refused(
        `a hash of ${octets} octets for SHA-256 is refused`,
        { hash: Buffer.alloc(octets, 7).toString('base64') },
        {
          description: 'Invalid digest value length'
        }
      )
    ),
    refused(
      'a hash that is no base64 is refused',
      { hash: '!!!!' },
      { description: 'Invalid Base64 hash string parameter' }
    ),
    ...['1.2.3', 'SHA-256', '1.3.14.3.2.26'].map((hashAlgo) =>
      refused(`hashAlgo ${hashAlgo} is refused`, { hashAlgo }, { description: 'Invalid parameter hashAlgo' })
    ),
    ...['xyz', '0x12', '-1'].map((nonce) =>
      refused(`nonce ${nonce} is refused`, { nonce }, { description: 'Invalid parameter nonce' })
    ),
    refused(
      'an endless nonce is refused',
      { nonce: 'a'.repeat(20_000) },
      { description: 'Invalid parameter nonce' },
      'U'
    )
  ]
}

function polling(): Rule[] {
  const name = 'signatures/signPolling'
  const row = rowsOf(clauses.polling.v2, name)
  return [
    row('C', 'a requestID of nobody is refused', async (target) => {
      const answer = await target.call(name, { requestID: 'conformance-none' })
      expectFault(answer, { description: 'Invalid parameter requestID', words: 'S' })
    }),
    row('S', 'userID is refused where the token speaks for the user', async (target) => {
      const authorization = `Bearer ${await target.userToken()}`
      const { user } = target.options
      const answer = await target.call(
        name,
        { requestID: 'conformance-none', userID: user },
        { authorization }
      )
      expectFault(answer, {
        description: ['userID parameter SHALL be null', 'userID parameter MUST be null']
      })
    }),
    row('S', 'a userID that is no string is refused', async (target) => {
      const answer = await target.call(name, { requestID: 'conformance-none', userID: 1 })
      expectFault(answer, {
        description: [
          'Invalid parameter "userID"',
          'Invalid parameter userID',
          'userID parameter SHALL be null'
        ]
      })
    }),
    {
      clause: clauses.polling.v2,
      mark: 'S',
      text: 'a result is kept for validity_period',
      check: { untried: 'what happens after it is not known' }
    }
  ]
}

/** Rows of the error table of signDoc: a body that is right but for one thing. */
const signDocFaults: readonly { text: string; change: Fields; fault: Fault }[] = [
  {
    text: 'neither documents nor documentDigests',
    change: { documents: undefined },
    fault: { description: 'Empty documentDigests and documents objects' }
  },
  {
    text: 'both documents and documentDigests',
    change: { documentDigests: [{}] },
    fault: { description: 'Both documentDigests and documents parameters passed' }
  },
  {
    text: 'documents that are no array',
    change: { documents: 'x' },
    fault: { description: 'Invalid array parameter documents' }
  },
  {
    text: 'documentDigests that are no object',
    change: { documents: undefined, documentDigests: 'x' },
    fault: { description: 'Invalid object parameter documentDigests' }
  },
  {
    text: 'a document that is no base64',
    change: part({ document: '!!!!' }),
    fault: { description: 'Invalid Base64 documents string parameter' }
  },
  {
    text: 'hashes that are no base64',
    change: {
      documents: undefined,
      documentDigests: [{ ...part({}).documents[0], document: undefined, hashes: ['!!!!'] }]
    },
    fault: { description: 'Invalid Base64 hashes string parameter' }
  },
  {
    text: 'no signature_format',
    change: part({ signature_format: undefined }),
    fault: { description: 'Missing (or invalid type) string parameter signature_format' }
  },
  {
    text: 'an unknown signature_format',
    change: part({ signature_format: 'Z' }),
    fault: { description: 'Invalid parameter signature_format' }
  },
  {
    text: 'an unknown conformance_level',
    change: part({ conformance_level: 'Ades-B-Z' }),
    fault: { description: 'Invalid parameter conformance_level' }
  },
  {
    text: 'an unknown signed_envelope_property',
    change: part({ signed_envelope_property: 'Z' }),
    fault: { description: 'Invalid parameter signed_envelope_property' }
  },
  {
    text: 'no SAD',
    change: { SAD: undefined },
    fault: { description: 'Missing (or invalid type) string parameter SAD' }
  },
  { text: 'no credentialID and no signatureQualifier', change: { credentialID: undefined }, fault: {} }
]

function part(change: Fields): { documents: [Fields] } {
  return {
    documents: [
      {
        document: 'eA==',
        signature_format: 'C',
        conformance_level: 'Ades-B-B',
        signAlgo: '1.2.840.113549.1.1.11',
        ...change
      }
    ]
  }
}

function signDoc(): Rule[] {
  const name = 'signatures/signDoc'
  const clause = clauses.signDoc.v2
  const row = rowsOf(clause, name)
  return [
    ...signDocFaults.map(({ text, change, fault }) =>
      row('S', `${text}: refused`, async (target) => {
        const { sad, credential } = await target.approvals.shared()
        const answer = await target.call(name, {
          credentialID: credential.id,
          SAD: sad,
          ...part({}),
          ...change
        })
        expectFault(answer, fault)
      })
    ),
    row('S', 'a document that was not authorized is refused', async (target) => {
      const { sad, credential } = await target.approvals.shared()
      const answer = await target.call(name, { credentialID: credential.id, SAD: sad, ...part({}) })
      must(answer.status === 400 || answer.status === 403, said(answer))
    }),
    ...['C', 'X', 'P', 'J'].map(
      (format): Rule => ({
        clause,
        mark: 'C',
        text: `documents are signed in format ${format}`,
        check: { untried: 'complete signatures are for a validator of AdES to judge' }
      })
    )
  ]
}

/** Methods of 2.2, of which the text was not seen. */
const later = (): Rule[] =>
  ['credentials/create', 'credentials/delete'].map((name) => ({
    clause: clauses.create.v2,
    mark: 'K',
    text: `${name} needs an authorization of its own`,
    check: async (target) => {
      await target.needs(name)
      const answer = await target.call(name, {})
      must(answer.status >= 400 && answer.status < 500, said(answer))
    }
  }))
