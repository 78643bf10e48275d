import { X509Certificate } from 'node:crypto'
import { expectFault } from '../reading/fault.js'
import { type Fields, isFields, octetsOf, shown, success, textOf, textsOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import type { Credential } from '../server/credentials.js'
import type { Target } from '../server/target.js'

const name = 'credentials/info'

/** credentials/info: what a credential says of itself, compared with its certificate. */
export const credential: RuleTable = (version) => {
  const clause = clauses.credential[version]
  const sure: Mark = version === 'v1' ? 'P' : 'C'
  const row = (mark: Mark, text: string, check: (target: Target) => Promise<void>): Rule => ({
    ...{ clause, mark, text },
    check: async (target) => {
      await target.needs(name)
      await check(target)
    }
  })
  /** A rule about each of the user's credentials. */
  const each = (mark: Mark, text: string, check: (one: Credential) => void): Rule =>
    row(mark, text, async (target) => {
      for (const one of await target.credentials()) check(one)
    })
  const view = async (target: Target, more: object) =>
    success(await target.call(name, { credentialID: (await target.credential()).id, ...more }))

  return [
    each(sure, 'key.status is enabled or disabled', ({ fields }) => {
      const { status } = part(fields, 'key')
      must(status === 'enabled' || status === 'disabled', `key.status is ${shown(status)}`)
    }),
    each(sure, 'key.algo is an array of OIDs, at least one', ({ fields }) => {
      const algo = textsOf(part(fields, 'key'), 'algo')
      must(algo.length > 0 && algo.every((oid) => /^[0-2](\.\d+)+$/.test(oid)), `key.algo is ${shown(algo)}`)
    }),
    each(sure, 'key.len is the number of bits of the key', (one) => {
      const { len } = part(one.fields, 'key')
      must(typeof len === 'number', `key.len is ${shown(len)}`)
      const { modulusLength, namedCurve } = leaf(one).publicKey.asymmetricKeyDetails ?? {}
      const bits = modulusLength ?? { prime256v1: 256, secp384r1: 384, secp521r1: 521 }[namedCurve ?? '']
      must(bits === undefined || bits === len, `key.len is ${len}, the certificate's key has ${bits}`)
    }),
    each(sure, 'key.curve is the OID of the curve of an EC key, and absent for others', (one) => {
      const { curve } = part(one.fields, 'key')
      const { namedCurve } = leaf(one).publicKey.asymmetricKeyDetails ?? {}
      const oid = { prime256v1: '1.2.840.10045.3.1.7', secp384r1: '1.3.132.0.34', secp521r1: '1.3.132.0.35' }[
        namedCurve ?? ''
      ]
      must(curve === oid, `key.curve is ${shown(curve)}, expected ${shown(oid)}`)
    }),
    each(
      'U',
      'key.algo has the generic and a hash-specific OID, as clients look for either',
      ({ algorithms }) => {
        const generic = ['1.2.840.113549.1.1.1', '1.2.840.10045.2.1']
        must(
          algorithms.some((oid) => generic.includes(oid)),
          'the generic one is missing'
        )
        must(
          algorithms.some((oid) => /^1\.2\.840\.(113549\.1\.1\.1[123]|10045\.4\.3\.[234])$/.test(oid)),
          'there is no specific one'
        )
      }
    ),
    each(sure, 'cert.status is one of the four words, if it is there', ({ fields }) => {
      const { status } = part(fields, 'cert')
      const words = ['valid', 'expired', 'revoked', 'suspended']
      must(status === undefined || words.includes(String(status)), `cert.status is ${shown(status)}`)
    }),
    each(sure, 'the end entity comes first, and each certificate is signed by the next', (one) => {
      const chain = one.certificates.map((text) => new X509Certificate(octetsOf(text, 'a certificate')))
      must(chain.length > 0, 'there is no certificate')
      for (const [index, certificate] of chain.entries()) {
        const issuer = chain[index + 1]
        if (issuer === undefined) continue
        must(
          certificate.verify(issuer.publicKey),
          `certificate ${index + 1} is not signed by the one after it`
        )
      }
    }),
    each(sure, 'issuerDN and subjectDN are RFC 4514 names of the certificate', (one) => {
      const cert = part(one.fields, 'cert')
      for (const dn of ['issuerDN', 'subjectDN']) {
        must(/^[A-Za-z0-9.]+=.*/.test(textOf(cert, dn)), `${dn} is ${shown(cert[dn])}`)
      }
      const { CN } = nameOf(leaf(one).subject)
      if (CN !== undefined)
        must(plain(textOf(cert, 'subjectDN')).includes(plain(CN)), `subjectDN lacks ${CN}`)
    }),
    each(sure, 'serialNumber is the certificate’s, in upper-case hex', (one) => {
      const serial = textOf(part(one.fields, 'cert'), 'serialNumber')
      const own = leaf(one).serialNumber
      must(/^[0-9A-F]+$/.test(serial), `serialNumber is ${serial}`)
      must(
        serial.replace(/^0+/, '') === own.replace(/^0+/, ''),
        `serialNumber is ${serial}, the certificate has ${own}`
      )
    }),
    ...(['validFrom', 'validTo'] as const).map((member) =>
      each(sure, `${member} is the certificate’s, as YYYYMMDDHHMMSSZ`, (one) => {
        const time = textOf(part(one.fields, 'cert'), member)
        const [, ...digits] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? []
        must(digits.length === 6, `${member} is ${time}`)
        const [year, month, day, hour, minute, second] = digits
        const said = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
        const own = Date.parse(leaf(one)[member])
        must(said === own, `${member} is ${time}, the certificate says ${leaf(one)[member]}`)
      })
    ),
    each(sure, 'multisign is an integer of at least 1', ({ fields }) => {
      const { multisign } = fields
      must(
        typeof multisign === 'number' && Number.isInteger(multisign) && multisign >= 1,
        `multisign is ${shown(multisign)}`
      )
    }),
    each(sure, 'SCAL is the string 1 or 2, if it is there', ({ fields: { SCAL } }) => {
      must(SCAL === undefined || SCAL === '1' || SCAL === '2', `SCAL is ${shown(SCAL)}`)
    }),
    each(sure, 'description has at most 255 characters, if it is there', ({ fields: { description } }) => {
      const fits =
        description === undefined || (typeof description === 'string' && [...description].length <= 255)
      must(fits, `description is ${shown(description)}`)
    }),
    each(sure, 'lang is a string, if it is there', ({ fields: { lang } }) => {
      must(lang === undefined || typeof lang === 'string', `lang is ${shown(lang)}`)
    }),
    ...(version === 'v1' ? modeV1(each) : modeV2(each)),

    row(sure, 'certificates none: none', async (target) => {
      const { certificates } = part(await view(target, { certificates: 'none' }), 'cert')
      must(certificates === undefined, `certificates is ${shown(certificates)}`)
    }),
    row(sure, 'certificates single: the end entity', async (target) => {
      const alone = textsOf(part(await view(target, { certificates: 'single' }), 'cert'), 'certificates')
      const { certificates } = await target.credential()
      must(alone.length === 1 && alone[0] === certificates[0], `${alone.length} came`)
    }),
    row(sure, 'certificates defaults to single', async (target) => {
      const alone = textsOf(part(await view(target, {}), 'cert'), 'certificates')
      must(alone.length === 1, `${alone.length} came`)
    }),
    row(sure, 'another value of certificates is refused', async (target) => {
      const { id } = await target.credential()
      const answer = await target.call(name, { credentialID: id, certificates: 'all' })
      expectFault(answer, { description: 'Invalid parameter certificates' })
    }),
    row('U', 'without certInfo there are no names, serial and dates', async (target) => {
      const cert = part(await view(target, { certInfo: false }), 'cert')
      const extra = ['issuerDN', 'subjectDN', 'serialNumber', 'validFrom', 'validTo'].filter(
        (member) => member in cert
      )
      must(extra.length === 0, `there is ${extra.join(', ')}`)
    }),
    row(sure, 'key, SCAL and multisign come without authInfo', async (target) => {
      const fields = await view(target, { authInfo: false })
      must(isFields(fields.key) && fields.multisign !== undefined, shown(fields))
    }),
    row(sure, 'a credentialID of nobody is refused', async (target) => {
      const answer = await target.call(name, { credentialID: 'conformance-none' })
      expectFault(answer, { description: 'Invalid parameter credentialID' })
    }),
    row('U', 'an empty credentialID is refused', async (target) => {
      expectFault(await target.call(name, { credentialID: '' }), {})
    }),
    row(sure, 'a credentialID of half a megabyte is refused', async (target) => {
      const { status, text } = await target.call(name, { credentialID: 'c'.repeat(500_000) })
      must(status === 400 || status === 413, `${status} ${text.slice(0, 200)}`)
    }),
    row('U', 'a credential of somebody else is answered as one of nobody', async (target) => {
      const { foreignCredential } = target.options
      if (foreignCredential === null) throw new NotOffered('--foreign-credential is needed')
      const authorization = `Bearer ${await target.userToken().catch(async () => (await target.serviceToken()).token)}`
      const foreign = await target.call(name, { credentialID: foreignCredential }, { authorization })
      must(foreign.status === 400, `${foreign.status} ${foreign.text.slice(0, 200)}`, 'P')
      const none = await target.call(name, { credentialID: 'conformance-none' }, { authorization })
      must(foreign.text === none.text, `${foreign.text} rather than ${none.text}`)
    }),
    {
      clause,
      mark: 'P',
      text: 'cert.status is told only where it is accurate',
      check: { untried: 'revoking a certificate to find out would not leave the server as it was' }
    }
  ]
}

type Each = (mark: Mark, text: string, check: (one: Credential) => void) => Rule

const modeV1 = (each: Each): Rule[] => [
  each('P', 'authMode is implicit, explicit or oauth2code', ({ fields: { authMode } }) => {
    must(['implicit', 'explicit', 'oauth2code'].includes(String(authMode)), `authMode is ${shown(authMode)}`)
  }),
  ...(['PIN', 'OTP'] as const).map((factor) =>
    each('P', `${factor} is as the table has it, where authMode is explicit`, ({ fields }) => {
      const value = fields[factor]
      if (fields.authMode !== 'explicit') {
        must(value === undefined, `${factor} is there, authMode is ${shown(fields.authMode)}`, 'U')
        return
      }
      if (value === undefined) return
      must(isFields(value), `${factor} is ${shown(value)}`)
      must(
        ['true', 'false', 'optional'].includes(String(value.presence)) && typeof value.presence === 'string',
        `presence is ${shown(value.presence)}`
      )
      if (value.presence === 'false') return
      if (value.format !== undefined)
        must(value.format === 'A' || value.format === 'N', `format is ${shown(value.format)}`)
      if (factor === 'OTP')
        must(value.type === 'offline' || value.type === 'online', `type is ${shown(value.type)}`)
    })
  ),
  each('P', 'an explicit credential has a PIN or an OTP', ({ fields }) => {
    if (fields.authMode !== 'explicit') return
    must(isFields(fields.PIN) || isFields(fields.OTP), 'it has neither')
  }),
  each('U', 'attributes of version 2 are absent', ({ fields }) => {
    must(!('auth' in fields), 'auth is there')
  })
]

const modeV2 = (each: Each): Rule[] => [
  each('C', 'auth.mode is explicit or oauth2code', ({ fields }) => {
    const { mode } = part(fields, 'auth')
    must(mode === 'explicit' || mode === 'oauth2code', `auth.mode is ${shown(mode)}`)
  }),
  each('C', 'auth.objects have one of the four types, and an id each of its own', ({ fields }) => {
    const { mode, objects } = part(fields, 'auth')
    if (mode !== 'explicit' || objects === undefined || objects === null) return
    must(Array.isArray(objects) && objects.every(isFields), `auth.objects is ${shown(objects)}`)
    const types = ['Password', 'PasswordOOB', 'ChallengeResponse', 'ChallengeResponseOOB']
    for (const object of objects.filter(isFields)) {
      must(types.includes(String(object.type)), `type is ${shown(object.type)}`)
      textOf(object, 'id')
      must(
        object.format === undefined || object.format === 'A' || object.format === 'N',
        `format is ${shown(object.format)}`
      )
    }
    const ids = objects.filter(isFields).map(({ id }) => id)
    must(new Set(ids).size === ids.length, 'an id is there twice')
  }),
  each('S', 'auth.expression names objects, with AND, OR, XOR and parentheses', ({ fields }) => {
    const { expression, objects } = part(fields, 'auth')
    if (expression === undefined || expression === '' || expression === null) return
    must(typeof expression === 'string', `auth.expression is ${shown(expression)}`)
    const ids = (Array.isArray(objects) ? objects : []).map((one) => (isFields(one) ? one.id : undefined))
    const words = expression.split(/[\s()]+/).filter((word) => word !== '' && !/^(AND|OR|XOR)$/.test(word))
    must(
      words.every((word) => ids.includes(word)),
      `auth.expression is ${expression}`
    )
  }),
  each(
    'S',
    'a credential of mode oauth2code has no expression, and no objects that say anything',
    ({ fields }) => {
      const { mode, expression, objects } = part(fields, 'auth')
      if (mode !== 'oauth2code') return
      must(expression === undefined || expression === null, 'there is an expression')
      must(
        objects === undefined || objects === null || (Array.isArray(objects) && objects.length === 0),
        'there are objects'
      )
    }
  ),
  each('K', 'signatureQualifier is a string, if it is there', ({ fields: { signatureQualifier: value } }) => {
    must(value === undefined || typeof value === 'string', `signatureQualifier is ${shown(value)}`)
  }),
  each('U', 'attributes of version 1 are absent', ({ fields }) => {
    const old = ['authMode', 'PIN', 'OTP'].filter((member) => member in fields)
    must(old.length === 0, `there is ${old.join(', ')}`)
  })
]

function part(fields: Fields, member: string): Fields {
  const value = fields[member]
  must(isFields(value), `${member} is ${shown(value)}, expected an object`)
  return value
}

function leaf({ id, certificates: [first] }: Credential): X509Certificate {
  must(first !== undefined, `${id} has no certificate`)
  return new X509Certificate(octetsOf(first, 'the certificate'))
}

/** Node's own writing of a name: one attribute a line. */
const nameOf = (subject: string): Record<string, string | undefined> =>
  Object.fromEntries(
    subject.split('\n').map((line) => [line.split('=')[0], line.split('=').slice(1).join('=')])
  )

/** Without what escaping differs in. */
const plain = (text: string): string => text.replaceAll(/[\\"]/g, '').normalize('NFC')
