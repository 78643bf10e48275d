import { connect } from 'node:tls'
import { expectFault } from '../reading/fault.js'
import { jsonOf, octetsOf, said, shown, success, textsOf } from '../reading/values.js'
import { clauses, Failure, must, NotOffered, type RuleTable } from '../rule.js'
import type { Target } from '../server/target.js'

/** Every method of the documents, with the versions that have it. */
export const methods: readonly { name: string; v1: boolean; v2: boolean }[] = [
  { name: 'auth/login', v1: true, v2: true },
  { name: 'auth/revoke', v1: true, v2: true },
  { name: 'credentials/list', v1: true, v2: true },
  { name: 'credentials/info', v1: true, v2: true },
  { name: 'credentials/authorize', v1: true, v2: true },
  { name: 'credentials/authorizeCheck', v1: false, v2: true },
  { name: 'credentials/getChallenge', v1: false, v2: true },
  { name: 'credentials/extendTransaction', v1: true, v2: true },
  { name: 'credentials/sendOTP', v1: true, v2: false },
  { name: 'signatures/signHash', v1: true, v2: true },
  { name: 'signatures/signDoc', v1: false, v2: true },
  { name: 'signatures/signPolling', v1: false, v2: true },
  { name: 'signatures/timestamp', v1: true, v2: true }
]

/** Methods that need a service token, by their short clause name. */
export const bearerMethods = [
  { name: 'auth/revoke', clause: clauses.authRevoke },
  { name: 'credentials/list', clause: clauses.list },
  { name: 'credentials/info', clause: clauses.credential },
  { name: 'credentials/authorize', clause: clauses.authorize },
  { name: 'credentials/authorizeCheck', clause: clauses.authorizeCheck },
  { name: 'credentials/getChallenge', clause: clauses.getChallenge },
  { name: 'credentials/extendTransaction', clause: clauses.extend },
  { name: 'credentials/sendOTP', clause: clauses.sendOtp },
  { name: 'signatures/signHash', clause: clauses.signHash },
  { name: 'signatures/signDoc', clause: clauses.signDoc },
  { name: 'signatures/signPolling', clause: clauses.polling },
  { name: 'signatures/timestamp', clause: clauses.timestamp }
] as const

/** Transport, encodings and errors: what holds for every method. */
export const general: RuleTable = (version) => {
  const clause = clauses.general[version]
  const errors = clauses.errors[version]
  return [
    {
      clause,
      mark: 'P',
      text: `the version segment of the base is ${version}`,
      check: async ({ options: { base } }) => {
        const segment = new URL(base).pathname.split('/').at(-1)
        must(segment === version, `the base ends in ${segment}`)
      }
    },
    {
      clause,
      mark: 'P',
      text: 'a method without parameters takes {} and answers application/json',
      check: async (target) => void success(await target.call('info', {}))
    },
    {
      clause,
      mark: 'U',
      text: 'unknown members of a body are ignored',
      check: async (target) => void success(await target.call('info', { 'x-unknown': [1] }))
    },
    {
      clause,
      mark: 'U',
      text: 'an optional parameter that is null counts as absent',
      check: async (target) => void success(await target.call('info', { lang: null }))
    },
    {
      clause,
      mark: 'U',
      text: 'a body of another content type is refused',
      check: async (target) => {
        await target.needs('credentials/list')
        const answer = await target.call('credentials/list', {}, { contentType: 'text/plain' })
        must([400, 415].includes(answer.status), said(answer))
      }
    },
    {
      clause,
      mark: 'U',
      text: 'a form is refused where JSON belongs',
      check: async (target) => {
        await target.needs('credentials/list')
        const contentType = 'application/x-www-form-urlencoded'
        const answer = await target.post('credentials/list', 'userID=x', { contentType })
        must([400, 415].includes(answer.status), said(answer))
      }
    },
    ...['{"userID":', '[]', '"text"', '1', ''].map((body) => ({
      clause: errors,
      mark: 'P' as const,
      text: `a body that is no JSON object (${body || 'empty'}) is 400 invalid_request`,
      check: async (target: Target) => {
        await target.needs('credentials/list')
        expectFault(await target.post('credentials/list', body), {})
      }
    })),
    {
      clause: errors,
      mark: 'U',
      text: 'a body nested a thousand levels deep does no harm',
      check: async (target) => {
        await target.needs('credentials/list')
        const answer = await target.post(
          'credentials/list',
          `{"clientData":${'['.repeat(1_000)}${']'.repeat(1_000)}}`
        )
        must(answer.status < 500, said(answer), 'P')
        must(answer.status === 400, said(answer))
      }
    },
    {
      clause: errors,
      mark: 'U',
      text: 'a member that comes twice in a JSON body does no harm',
      check: async (target) => {
        await target.needs('credentials/info')
        const answer = await target.post('credentials/info', '{"credentialID":"a","credentialID":"b"}')
        must(answer.status < 500, said(answer), 'P')
        expectFault(answer, {})
      }
    },
    ...methods.map(({ name, ...has }) => ({
      clause,
      mark: 'P' as const,
      text: `${name} answers 501 where it is not implemented`,
      check: async (target: Target) => {
        if (await target.offers(name)) throw new NotOffered(`${name} is implemented`)
        const answer = await target.call(name, {}, { authorization: null })
        // A method that this version of the document does not know is not one of its unimplemented methods.
        const mark = has[version] ? null : 'U'
        must(answer.status === 501, said(answer), mark)
      }
    })),
    {
      clause,
      mark: 'U',
      text: 'a method nobody knows answers 501',
      check: async (target) => {
        const answer = await target.call('credentials/conformance', {}, { authorization: null })
        must(answer.status === 501, said(answer))
      }
    },
    {
      clause,
      mark: 'P',
      text: 'every method of info.methods is implemented',
      check: async (target) => {
        for (const name of textsOf(await target.info(), 'methods')) {
          const answer = await target.call(name, {}, { authorization: null })
          must(![404, 405, 501].includes(answer.status), said(answer))
        }
      }
    },
    {
      clause,
      mark: 'P',
      text: 'certificates are standard base64 of DER',
      check: async (target) => {
        const all = (await target.credentials()).flatMap(({ certificates }) => certificates)
        must(all.length > 0, 'credentials/info gave no certificate')
        for (const one of all) must(octetsOf(one, 'a certificate')[0] === 0x30, `not DER: ${shown(one)}`)
      }
    },
    {
      clause,
      mark: 'P',
      text: 'TLS 1.2 or later is spoken',
      check: async (target) => {
        const protocol = await handshake(target, {})
        must(protocol === 'TLSv1.2' || protocol === 'TLSv1.3', `${protocol} is spoken`)
      }
    },
    {
      clause,
      mark: 'U',
      text: 'TLS 1.1 and older are refused',
      check: async (target) => {
        const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
        const protocol = await handshake(target, old).catch((error: unknown) => {
          if (error instanceof NotOffered) throw error
          return null
        })
        must(protocol === null, `${protocol} is spoken`)
      }
    },
    {
      clause: errors,
      mark: 'P',
      text: 'errors are JSON with the members error and error_description',
      check: async (target) => {
        await target.needs('credentials/list')
        const answer = await target.call('credentials/list', {}, { authorization: 'Bearer' })
        const body = jsonOf(answer)
        must(typeof body.error === 'string', `error is ${shown(body.error)}`)
        must(
          typeof body.error_description === 'string',
          `error_description is ${shown(body.error_description)}`,
          'U'
        )
      }
    },
    {
      clause: errors,
      mark: 'P',
      text: '429, 500 and 503 are told in the same form',
      check: { untried: 'a server is not brought to its limits, nor to its knees, to find out' }
    },
    {
      clause,
      mark: 'P',
      text: 'the recommended greatest length of an address is 2083',
      check: { untried: 'a recommendation to clients' }
    }
  ]
}

/** The protocol that is agreed on. */
async function handshake({ options: { base } }: Target, versions: object): Promise<string> {
  const { protocol, hostname, port } = new URL(base)
  if (protocol !== 'https:') throw new NotOffered('the base is plain http: a private link')
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 443), servername: hostname, ...versions })
    socket.setTimeout(10_000, () => socket.destroy(new Failure('no TLS handshake within 10 s')))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol() ?? 'unknown')
      socket.end()
    })
  })
}
