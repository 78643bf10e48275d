import { expectFault, missing } from '../reading/fault.js'
import { type Fields, said, shown } from '../reading/values.js'
import { clauses, type Mark, must, type Rule, type RuleTable, type Version } from '../rule.js'
import type { Answer } from '../server/http.js'
import { wrongExtending, wrongSigning } from '../server/signing.js'
import type { Target } from '../server/target.js'

type Type = 'string' | 'integer' | 'boolean' | 'array'

/** A parameter, and what a table says of one that is missing or of the wrong type. */
interface Parameter {
  name: string
  type: Type
  required?: boolean
  /** The text of the table; several: any. Undefined: the tables have none. */
  text?: string | readonly string[]
  /** Of the text; otherwise as sure as the version is. */
  mark?: Mark
  /** Types that are not tried. */
  except?: readonly string[]
  /** Types that real clients send, so that a server may take them. */
  tolerated?: readonly string[]
}

/** A method: how it is called with one parameter changed. */
interface Method {
  name: string
  clause: string
  ask(target: Target, change: (right: Fields) => Fields): Promise<Answer>
  parameters: readonly Parameter[]
}

const wrongValues: Readonly<Record<Type, readonly { kind: string; value: unknown }[]>> = {
  string: [
    { kind: 'a number', value: 1 },
    { kind: 'a boolean', value: true },
    { kind: 'an array', value: ['a'] },
    { kind: 'an object', value: { a: 1 } }
  ],
  integer: [
    { kind: 'a string', value: '1' },
    { kind: 'a fraction', value: 1.5 },
    { kind: 'a boolean', value: true },
    { kind: 'an array', value: [1] },
    { kind: 'an object', value: {} }
  ],
  boolean: [
    { kind: 'a string', value: 'true' },
    { kind: 'a number', value: 1 },
    { kind: 'an array', value: [] },
    { kind: 'an object', value: {} }
  ],
  array: [
    { kind: 'a string', value: 'text' },
    { kind: 'a number', value: 1 },
    { kind: 'a boolean', value: true },
    { kind: 'an object', value: {} }
  ]
}

/** One case for every required parameter that is missing, and for every parameter and wrong type. */
export const parameters: RuleTable = (version) =>
  methodsOf(version).flatMap((method) =>
    method.parameters.flatMap((parameter): Rule[] => [
      ...(parameter.required
        ? [left(method, parameter, version, undefined), left(method, parameter, version, null)]
        : []),
      ...wrongValues[parameter.type]
        .filter(({ kind }) => !parameter.except?.includes(kind))
        .map((wrong) => wrongType(method, parameter, version, wrong))
    ])
  )

const sure = (version: Version): Mark => (version === 'v1' ? 'P' : 'C')

function left(
  { name, clause, ask }: Method,
  parameter: Parameter,
  version: Version,
  value: undefined | null
): Rule {
  const wording = parameter.mark ?? sure(version)
  return {
    clause,
    mark: sure(version),
    text: `${name}: ${parameter.name} is ${value === null ? 'null' : 'missing'}`,
    check: async (target) => {
      await target.needs(name)
      const answer = await ask(target, (right) => ({ ...right, [parameter.name]: value }))
      expectFault(answer, {
        words: wording,
        ...(parameter.text === undefined ? {} : { description: parameter.text })
      })
    }
  }
}

function wrongType(
  { name, clause, ask }: Method,
  parameter: Parameter,
  version: Version,
  { kind, value }: { kind: string; value: unknown }
): Rule {
  const told = parameter.text !== undefined && !parameter.tolerated?.includes(kind)
  return {
    clause,
    mark: told ? (parameter.mark ?? sure(version)) : 'U',
    text: `${name}: ${parameter.name} is ${kind}`,
    check: async (target) => {
      await target.needs(name)
      const answer = await ask(target, (right) => ({ ...right, [parameter.name]: value }))
      must(answer.status < 500, said(answer), 'P')
      if (told) expectFault(answer, { description: parameter.text ?? [] })
      else must(answer.status === 400, `${parameter.name} ${shown(value)}: ${said(answer)}`)
    }
  }
}

const clientData: Parameter = { name: 'clientData', type: 'string' }
const credentialID = (mark?: Mark): Parameter => ({
  ...{ name: 'credentialID', type: 'string', required: true, text: missing('string', 'credentialID') },
  ...(mark === undefined ? {} : { mark })
})

function methodsOf(version: Version): Method[] {
  const v1 = version === 'v1'
  const hashes = v1 ? 'hash' : 'hashes'
  const hashText = v1 ? missing('array', 'hash') : [missing('array', 'hash'), missing('array', 'hashes')]
  const soft = (mark: Mark): { mark?: Mark } => (v1 ? {} : { mark })
  const view: Parameter[] = [
    { name: 'certificates', type: 'string', text: 'Invalid parameter certificates' },
    { name: 'certInfo', type: 'boolean' },
    { name: 'authInfo', type: 'boolean' },
    { name: 'lang', type: 'string' },
    clientData
  ]
  const simple = (
    name: string,
    clause: { v1: string; v2: string },
    body: (target: Target) => Promise<Fields>,
    parameters: readonly Parameter[]
  ): Method => ({
    ...{ name, clause: clause[version], parameters },
    ask: async (target, change) => target.call(name, change(await body(target)))
  })
  const chosen = async (target: Target): Promise<Fields> => ({ credentialID: (await target.credential()).id })
  const user = (target: Target): Promise<Fields> => target.userParameter()
  const userID: Parameter = {
    name: 'userID',
    type: 'string',
    text: ['Invalid parameter userID', 'userID parameter MUST be null']
  }

  const both: Method[] = [
    simple(
      'credentials/list',
      clauses.list,
      user,
      v1
        ? [userID, clientData]
        : [
            userID,
            { name: 'credentialInfo', type: 'boolean' },
            { name: 'onlyValid', type: 'boolean' },
            ...view
          ]
    ),
    simple('credentials/info', clauses.credential, chosen, [credentialID(), ...view]),
    simple(
      'credentials/authorize',
      clauses.authorize,
      async (target) => (await target.approvals.body()).body,
      [
        credentialID(),
        {
          ...{ name: 'numSignatures', type: 'integer', required: true, ...soft('S') },
          text: missing('integer', 'numSignatures')
        },
        { name: hashes, type: 'array', text: hashText, mark: 'U', tolerated: ['a string'] },
        ...(v1
          ? []
          : [
              {
                name: 'hashAlgorithmOID',
                type: 'string',
                mark: 'U',
                text: texts('hashAlgorithmOID')
              } as const,
              { name: 'authData', type: 'array' } as const
            ]),
        { name: 'description', type: 'string' },
        clientData
      ]
    ),
    {
      name: 'credentials/extendTransaction',
      clause: clauses.extend[version],
      ask: wrongExtending,
      parameters: [
        credentialID('U'),
        { name: 'SAD', type: 'string', required: true, text: missing('string', 'SAD'), mark: 'U' },
        { name: hashes, type: 'array', text: hashText, mark: 'U', tolerated: ['a string'] },
        clientData
      ]
    },
    {
      name: 'signatures/signHash',
      clause: clauses.signHash[version],
      ask: wrongSigning,
      parameters: [
        { name: 'SAD', type: 'string', required: true, text: missing('string', 'SAD'), ...soft('S') },
        credentialID(),
        {
          name: hashes,
          type: 'array',
          required: true,
          text: hashText,
          tolerated: ['a string'],
          ...soft('S')
        },
        {
          name: 'signAlgo',
          type: 'string',
          required: true,
          text: missing('string', 'signAlgo'),
          ...soft('S')
        },
        { ...clientData, text: 'Invalid parameter clientData', ...soft('S') },
        ...(v1
          ? []
          : [{ name: 'operationMode', type: 'string', text: 'Invalid parameter operationMode' } as const])
      ]
    },
    simple('signatures/timestamp', clauses.timestamp, async () => timestampBody(), [
      { name: 'hash', type: 'string', required: true, text: missing('string', 'hash'), ...soft('S') },
      { name: 'hashAlgo', type: 'string', required: true, mark: 'U', text: texts('hashAlgo') },
      // A nonce that is a number is no wrong type to all.
      { name: 'nonce', type: 'string', text: 'Invalid parameter nonce', except: ['a number'], ...soft('S') },
      clientData
    ])
  ]
  if (v1) {
    return [...both, simple('credentials/sendOTP', clauses.sendOtp, chosen, [credentialID(), clientData])]
  }
  return [
    ...both,
    simple('credentials/authorizeCheck', clauses.authorizeCheck, async () => ({ handle: 'none' }), [
      {
        name: 'handle',
        type: 'string',
        required: true,
        mark: 'S',
        text: ['Invalid parameter handle', missing('string', 'handle')]
      }
    ]),
    simple(
      'credentials/getChallenge',
      clauses.getChallenge,
      async (target) => ({ ...(await chosen(target)), authObjectID: 'none' }),
      [
        { ...credentialID('S'), text: texts('credentialID') },
        { name: 'authObjectID', type: 'string', required: true, mark: 'S', text: texts('authObjectID') }
      ]
    ),
    simple('signatures/signPolling', clauses.polling, async () => ({ requestID: 'none' }), [
      { name: 'requestID', type: 'string', required: true, mark: 'S', text: missing('string', 'requestID') },
      { ...clientData, mark: 'S', text: 'Invalid parameter clientData' }
    ])
  ]
}

const texts = (name: string): readonly string[] => [missing('string', name), `Invalid parameter ${name}`]

/** A body of signatures/timestamp that would be answered. */
export const timestampBody = (): Fields => ({
  hash: 'sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=',
  hashAlgo: '2.16.840.1.101.3.4.2.1'
})
