import { isFields, shown, success, textOf, textsOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import { send } from '../server/http.js'
import type { Target } from '../server/target.js'
import { methods } from './general.js'

type Presence = 'required' | 'optional' | ((target: Target) => Promise<boolean>)
interface Attribute {
  name: string
  /** Null: that version does not have it. */
  v1: Mark | null
  v2: Mark
  presence: Presence
  type: string
  fits(value: unknown): boolean
}

const text = { type: 'a string', fits: (value: unknown) => typeof value === 'string' && value !== '' }
const flag = { type: 'a boolean', fits: (value: unknown) => typeof value === 'boolean' }
const texts = {
  type: 'an array of strings',
  fits: (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string')
}
const object = { type: 'an object', fits: isFields }
const objects = {
  type: 'an array of objects',
  fits: (value: unknown) => Array.isArray(value) && value.every(isFields)
}

const offersOAuth = async (target: Target): Promise<boolean> => {
  const types = await target.authTypes()
  return types.includes('oauth2code') || types.includes('oauth2client')
}
const since22 = (target: Target) => target.atLeast(2, 2)

/** The output table of info. */
const attributes: readonly Attribute[] = [
  ...['specs', 'name', 'logo', 'region', 'lang', 'description'].map((name) => ({
    ...{ name, v1: 'P' as const, v2: 'C' as const, presence: 'required' as const, ...text }
  })),
  { name: 'authType', v1: 'P', v2: 'C', presence: 'required', ...texts },
  { name: 'methods', v1: 'P', v2: 'C', presence: 'required', ...texts },
  {
    ...{ name: 'oauth2', v1: 'P', v2: 'C', ...text },
    presence: async (target) => {
      const { oauth2Issuer, oauth2Servers } = await target.info()
      return oauth2Issuer === undefined && oauth2Servers === undefined && (await offersOAuth(target))
    }
  },
  { name: 'oauth2Issuer', v1: null, v2: 'C', presence: 'optional', ...text },
  { name: 'asynchronousOperationMode', v1: null, v2: 'C', presence: 'optional', ...flag },
  { name: 'validationInfo', v1: null, v2: 'C', presence: 'optional', ...flag },
  { name: 'signAlgorithms', v1: null, v2: 'C', presence: 'required', ...object },
  { name: 'signature_formats', v1: null, v2: 'C', presence: 'required', ...object },
  { name: 'conformance_levels', v1: null, v2: 'C', presence: 'required', ...texts },
  { name: 'supportedHashTypes', v1: null, v2: 'K', presence: since22, ...texts },
  { name: 'supportsRar', v1: null, v2: 'K', presence: 'optional', ...flag },
  { name: 'documentTypes', v1: null, v2: 'K', presence: 'optional', ...texts },
  { name: 'oauth2Servers', v1: null, v2: 'K', presence: 'optional', ...objects },
  { name: 'oauth2FAPIsupport', v1: null, v2: 'K', presence: 'optional', ...flag }
]

const authTypes = ['external', 'TLS', 'basic', 'digest', 'oauth2code', 'oauth2client']

/** `info`: presence and type of every attribute, and what they may say. */
export const info: RuleTable = (version) => {
  const clause = clauses.info[version]
  const row = (mark: Mark, text: string, check: Rule['check']): Rule => ({ clause, mark, text, check })
  const sure = version === 'v1' ? 'P' : 'C'
  const shared: Rule[] = [
    ...attributes.flatMap((attribute) => {
      const mark = attribute[version]
      return mark === null ? [] : [row(mark, title(attribute), (target) => has(target, attribute))]
    }),
    row('P', 'info needs no authorization', async (target) => {
      success(await target.call('info', {}, { authorization: null }))
    }),
    row('U', 'info answers GET as well, as clients want', async ({ options: { base } }) => {
      success(await send(`${base}/info`, { method: 'GET' }))
    }),
    row(
      'P',
      'an unsupported lang is answered in the service’s own language, which lang names',
      async (target) => {
        const fields = success(await target.call('info', { lang: 'tlh-Latn' }))
        textOf(fields, 'lang')
      }
    ),
    row('P', 'lang is an RFC 5646 tag', async (target) => {
      must(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(textOf(await target.info(), 'lang')), 'lang is no tag')
    }),
    row('U', 'lang that is not a string is refused, or ignored', async (target) => {
      for (const lang of [1, true, [], {}]) {
        const { status, text } = await target.call('info', { lang })
        must(status < 500, `lang ${shown(lang)}: ${status} ${text}`, 'P')
        must(status === 200 || status === 400, `lang ${shown(lang)}: ${status} ${text}`)
      }
    }),
    row(sure, 'specs is Major.Minor.x.y of this version', async (target) => {
      const specs = textOf(await target.info(), 'specs')
      const major = version === 'v1' ? '1' : '2'
      must(new RegExp(`^${major}\\.\\d+\\.\\d+\\.\\d+$`).test(specs), `specs is ${specs}`)
    }),
    ...['name', 'description'].map((name) =>
      row('P', `${name} has at most 255 characters`, async (target) => {
        must([...textOf(await target.info(), name)].length <= 255, `${name} is longer`)
      })
    ),
    row('P', 'logo is an address', async (target) => {
      must(URL.canParse(textOf(await target.info(), 'logo')), 'logo is no address')
    }),
    row('U', 'logo is an image that is there', async (target) => {
      const answer = await send(textOf(await target.info(), 'logo'), { method: 'GET' })
      const type = answer.headers.get('content-type') ?? 'none'
      must(answer.status === 200 && type.startsWith('image/'), `${answer.status} ${type}`)
    }),
    row('P', 'logo is a JPEG or PNG of at most 256×256', {
      untried: 'pixels are not looked at'
    }),
    row('P', 'region is an ISO 3166-1 alpha-2 code', async (target) => {
      const region = textOf(await target.info(), 'region')
      must(/^[A-Z]{2}$/.test(region), `region is ${region}`)
    }),
    row('P', 'authType has values of the table, at least one', async (target) => {
      const types = textsOf(await target.info(), 'authType')
      must(types.length > 0, 'authType is empty')
      const unknown = types.filter((type) => !authTypes.includes(type))
      must(unknown.length === 0, `authType has ${unknown.join(', ')}`)
    }),
    row('P', 'oauth2 is an http(s) address', async (target) => {
      const { oauth2 } = await target.info()
      if (oauth2 === undefined) throw new NotOffered('there is no oauth2')
      must(
        typeof oauth2 === 'string' && /^https?:\/\//.test(oauth2) && URL.canParse(oauth2),
        `oauth2 is ${shown(oauth2)}`
      )
    }),
    row('P', 'methods has names of the document', async (target) => {
      const known = [...methods.map(({ name }) => name), 'info', ...later, ...oauth]
      const unknown = textsOf(await target.info(), 'methods').filter((name) => !known.includes(name))
      must(unknown.length === 0, `methods has ${unknown.join(', ')}`)
    }),
    row('P', 'methods names every method that is implemented', async (target) => {
      const listed = textsOf(await target.info(), 'methods')
      const answering: string[] = []
      for (const { name, ...has } of methods) {
        if (!has[version] || listed.includes(name)) continue
        const { status } = await target.call(name, {}, { authorization: null })
        if (![404, 405, 501].includes(status)) answering.push(name)
      }
      must(answering.length === 0, `these answer and are not listed: ${answering.join(', ')}`)
    })
  ]
  return version === 'v1' ? [...shared, ...onlyV1(row)] : [...shared, ...onlyV2(row)]
}

const later = ['credentials/create', 'credentials/delete']
const oauth = ['oauth2/authorize', 'oauth2/token', 'oauth2/revoke', 'oauth2/pushed_authorize']

const title = ({ name, presence, type }: Attribute): string =>
  `info has ${name}, ${type}${presence === 'required' ? '' : presence === 'optional' ? ', if at all' : ' where it belongs'}`

async function has(target: Target, { name, presence, type, fits }: Attribute): Promise<void> {
  const value = (await target.info())[name]
  const needed = presence === 'required' || (typeof presence === 'function' && (await presence(target)))
  if (value === undefined && !needed) throw new NotOffered(`${name} is optional, and absent`)
  must(value !== undefined, `${name} is missing`)
  must(fits(value), `${name} is ${shown(value)}, expected ${type}`)
}

type Row = (mark: Mark, text: string, check: Rule['check']) => Rule

const onlyV1 = (row: Row): Rule[] => [
  row('U', 'specs is 1.0.3.0, as the document prescribes, or 1.0.4.0, as is deployed', async (target) => {
    const { specs } = await target.info()
    must(specs === '1.0.3.0' || specs === '1.0.4.0', `specs is ${shown(specs)}`)
  }),
  row('U', 'attributes of version 2 are absent', async (target) => {
    const foreign = ['signAlgorithms', 'signature_formats', 'conformance_levels', 'oauth2Issuer']
    const fields = await target.info()
    must(
      !foreign.some((name) => name in fields),
      `has ${foreign.filter((name) => name in fields).join(', ')}`
    )
  })
]

const onlyV2 = (row: Row): Rule[] => [
  row('C', 'signAlgorithms.algos is an array of OIDs', async (target) => {
    const { signAlgorithms } = await target.info()
    must(isFields(signAlgorithms), 'signAlgorithms is missing')
    const algos = textsOf(signAlgorithms, 'algos')
    must(algos.length > 0 && algos.every((oid) => /^\d+(\.\d+)+$/.test(oid)), `algos is ${shown(algos)}`)
  }),
  row('C', 'signAlgorithms.algos covers key.algo of every credential', async (target) => {
    const { signAlgorithms } = await target.info()
    const algos = textsOf(isFields(signAlgorithms) ? signAlgorithms : {}, 'algos')
    const all = (await target.credentials()).flatMap(({ algorithms }) => algorithms)
    const absent = [...new Set(all)].filter((oid) => !algos.includes(oid))
    must(absent.length === 0, `algos lacks ${absent.join(', ')}`)
  }),
  row('K', 'signAlgorithms.algoParams is an array of strings or null', async (target) => {
    const { signAlgorithms } = await target.info()
    const params = isFields(signAlgorithms) ? signAlgorithms.algoParams : undefined
    if (params === undefined) throw new NotOffered('there is no algoParams')
    const fits = Array.isArray(params) && params.every((one) => one === null || typeof one === 'string')
    must(fits, `algoParams is ${shown(params)}`)
  }),
  row('C', 'signature_formats.formats has C, X, P and J alone', async (target) => {
    const { signature_formats: formats } = await target.info()
    const listed = textsOf(isFields(formats) ? formats : {}, 'formats')
    must(
      listed.every((one) => 'CXPJ'.includes(one) && one.length === 1),
      `formats is ${shown(listed)}`
    )
  }),
  row('C', 'signature_formats.envelope_properties has a list for each format', async (target) => {
    const { signature_formats: formats } = await target.info()
    must(isFields(formats), 'signature_formats is missing')
    const { envelope_properties: properties } = formats
    if (properties === undefined) throw new NotOffered('there is no envelope_properties')
    const fits = Array.isArray(properties) && properties.length === textsOf(formats, 'formats').length
    must(fits && properties.every(Array.isArray), `envelope_properties is ${shown(properties)}`)
  }),
  row('S', 'conformance_levels begin with Ades-, in any case', async (target) => {
    const levels = textsOf(await target.info(), 'conformance_levels')
    must(
      levels.every((level) => /^ades-/i.test(level)),
      `conformance_levels is ${shown(levels)}`
    )
  }),
  row('C', 'oauth2 and oauth2Issuer are not both there', async (target) => {
    const { oauth2, oauth2Issuer } = await target.info()
    must(oauth2 === undefined || oauth2Issuer === undefined, 'both are there')
  }),
  row('K', 'oauth2Servers excludes oauth2, oauth2Issuer and supportsRar', async (target) => {
    const fields = await target.info()
    if (fields.oauth2Servers === undefined) throw new NotOffered('there is no oauth2Servers')
    must(!['oauth2', 'oauth2Issuer', 'supportsRar'].some((name) => name in fields), 'one of them is there')
  })
]
