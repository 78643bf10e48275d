import { expectFault } from '../reading/fault.js'
import { isFields, said, shown, success, textOf, textsOf } from '../reading/values.js'
import { clauses, type Mark, must, NotOffered, type Rule, type RuleTable } from '../rule.js'
import type { Target } from '../server/target.js'

const name = 'credentials/list'

/** credentials/list. */
export const list: RuleTable = (version) => {
  const clause = clauses.list[version]
  const sure: Mark = version === 'v1' ? 'P' : 'C'
  const row = (mark: Mark, text: string, check: (target: Target) => Promise<void>): Rule => ({
    ...{ clause, mark, text },
    check: async (target) => {
      await target.needs(name)
      await check(target)
    }
  })
  const ask = async (target: Target, more: object = {}) =>
    target.call(name, { ...(await target.userParameter()), ...more })

  return [
    row(sure, 'credentialIDs is an array of strings, none twice', async (target) => {
      const ids = textsOf(success(await ask(target)), 'credentialIDs')
      must(new Set(ids).size === ids.length, 'one is there twice')
    }),
    row(sure, 'two calls list the same', async (target) => {
      const [one, two] = [success(await ask(target)), success(await ask(target))]
      must(shown(one.credentialIDs) === shown(two.credentialIDs), 'the lists differ')
    }),
    row(sure, 'a userID of nobody is refused', async (target) => {
      const { userSpecific } = await target.serviceToken()
      if (userSpecific) throw new NotOffered('the token speaks for one user')
      const answer = await target.call(name, { userID: 'conformance-nobody' })
      expectFault(answer, { description: 'Invalid parameter userID' })
    }),
    row('U', 'an empty userID is refused', async (target) => {
      if ((await target.serviceToken()).userSpecific) throw new NotOffered('the token speaks for one user')
      expectFault(await target.call(name, { userID: '' }), { description: 'Invalid parameter userID' })
    }),
    row('U', 'without userID a token that speaks for nobody is refused', async (target) => {
      if ((await target.serviceToken()).userSpecific) throw new NotOffered('the token speaks for one user')
      expectFault(await target.call(name, {}), { description: 'Invalid parameter userID' })
    }),
    row(sure, 'a userID of a megabyte is refused', async (target) => {
      const answer = await target.call(name, { userID: 'u'.repeat(500_000) })
      must([400, 413].includes(answer.status), said(answer))
    }),
    row('P', 'a token that speaks for the user lists the user’s own without userID', async (target) => {
      const authorization = `Bearer ${await target.userToken()}`
      const own = textsOf(success(await target.call(name, {}, { authorization })), 'credentialIDs')
      const listed = (await target.credentials()).map(({ id }) => id)
      must(shown(own) === shown(listed), `${shown(own)} rather than ${shown(listed)}`)
    }),
    row('P', 'a token that speaks for the user refuses userID', async (target) => {
      const authorization = `Bearer ${await target.userToken()}`
      const { user } = target.options
      const answer = await target.call(name, { userID: user }, { authorization })
      expectFault(answer, { description: 'userID parameter MUST be null' })
    }),
    row('P', 'a token that speaks for the user refuses another userID as well', async (target) => {
      const authorization = `Bearer ${await target.userToken()}`
      const answer = await target.call(name, { userID: 'conformance-nobody' }, { authorization })
      expectFault(answer, { description: 'userID parameter MUST be null' })
    }),
    row(sure, 'a credential of somebody else is not listed', async (target) => {
      const { foreignCredential } = target.options
      if (foreignCredential === null) throw new NotOffered('--foreign-credential is needed')
      const ids = (await target.credentials()).map(({ id }) => id)
      must(!ids.includes(foreignCredential), 'it is listed')
    }),
    ...(version === 'v1' ? paging(row, ask) : infos(row, ask))
  ]
}

type Row = (mark: Mark, text: string, check: (target: Target) => Promise<void>) => Rule
type Ask = (target: Target, more?: object) => ReturnType<Target['call']>

const paging = (row: Row, ask: Ask): Rule[] => [
  ...[0, -1, 1e308, 2 ** 53, 'x', 1.5, {}].map((maxResults) =>
    row('P', `maxResults ${shown(maxResults)} is no error: the server’s own maximum`, async (target) => {
      success(await ask(target, { maxResults }))
    })
  ),
  row('P', 'maxResults 1 gives one, and a nextPageToken to the next', async (target) => {
    const all = (await target.credentials()).map(({ id }) => id)
    if (all.length < 2) throw new NotOffered('the user has one credential')
    const first = success(await ask(target, { maxResults: 1 }))
    const ids = textsOf(first, 'credentialIDs')
    if (ids.length > 1 && first.nextPageToken === undefined) throw new NotOffered('there is no paging')
    must(ids.length === 1, `${ids.length} came`)
    const second = success(await ask(target, { maxResults: 1, pageToken: textOf(first, 'nextPageToken') }))
    const next = textsOf(second, 'credentialIDs')
    must(shown([...ids, ...next]) === shown(all.slice(0, 2)), `${shown([...ids, ...next])}, of ${shown(all)}`)
  }),
  row('P', 'the last page has no nextPageToken', async (target) => {
    const answer = success(await ask(target, { maxResults: 100 }))
    const ids = textsOf(answer, 'credentialIDs')
    if (ids.length < (await target.credentials()).length)
      throw new NotOffered('there is more than a page of 100')
    must(!('nextPageToken' in answer), 'it has one')
  }),
  row('P', 'a bad pageToken is refused', async (target) => {
    const answer = await ask(target, { pageToken: 'conformance' })
    expectFault(answer, { description: 'Invalid parameter pageToken' })
  }),
  ...[1, {}, []].map((pageToken) =>
    row('P', `pageToken ${shown(pageToken)} is refused`, async (target) => {
      expectFault(await ask(target, { pageToken }), { description: 'Invalid parameter pageToken' })
    })
  )
]

const infos = (row: Row, ask: Ask): Rule[] => [
  row('C', 'without credentialInfo there are no credentialInfos', async (target) => {
    must(!('credentialInfos' in success(await ask(target))), 'there are')
  }),
  row('C', 'credentialInfo describes every credential, in order', async (target) => {
    const fields = success(await ask(target, { credentialInfo: true }))
    const described = infosOf(fields).map(({ credentialID }) => credentialID)
    must(shown(described) === shown(fields.credentialIDs), `${shown(described)}`)
  }),
  row('C', 'credentialInfos say what credentials/info says', async (target) => {
    await target.needs('credentials/info')
    const view = { certificates: 'chain', certInfo: true, authInfo: true }
    const all = infosOf(success(await ask(target, { credentialInfo: true, ...view })))
    for (const { credentialID, ...described } of all) {
      const one = success(await target.call('credentials/info', { credentialID, ...view }))
      const { credentialID: _, ...alone } = one
      must(
        canonical(described) === canonical(alone),
        `${String(credentialID)}: ${shown(described)} and ${shown(alone)}`
      )
    }
  }),
  ...(['none', 'single', 'chain'] as const).map((certificates) =>
    row('C', `certificates ${certificates} in credentialInfos`, async (target) => {
      for (const { cert } of infosOf(success(await ask(target, { credentialInfo: true, certificates })))) {
        const found = isFields(cert) ? cert.certificates : undefined
        if (certificates === 'none') must(found === undefined, 'there are certificates')
        else must(Array.isArray(found) && found.length >= 1, `certificates is ${shown(found)}`)
        if (certificates === 'single')
          must(Array.isArray(found) && found.length === 1, 'there is more than one')
      }
    })
  ),
  row('C', 'another value of certificates is refused', async (target) => {
    const answer = await ask(target, { credentialInfo: true, certificates: 'all' })
    expectFault(answer, { description: 'Invalid parameter certificates' })
  }),
  row('C', 'onlyValid lists credentials that can sign, and says that it did', async (target) => {
    const fields = success(await ask(target, { onlyValid: true, credentialInfo: true }))
    if (fields.onlyValid === undefined) throw new NotOffered('onlyValid is not honoured')
    must(fields.onlyValid === true, `onlyValid is ${shown(fields.onlyValid)}`)
    for (const { key } of infosOf(fields))
      must(isFields(key) && key.status === 'enabled', 'a key is not enabled')
  }),
  row('C', 'maxResults of version 1 is ignored', async (target) => {
    const all = (await target.credentials()).map(({ id }) => id)
    const ids = textsOf(success(await ask(target, { maxResults: 1 })), 'credentialIDs')
    must(ids.length === all.length, `${ids.length} of ${all.length}`, 'U')
  })
]

function infosOf(fields: Record<string, unknown>): Record<string, unknown>[] {
  const { credentialInfos } = fields
  must(
    Array.isArray(credentialInfos) && credentialInfos.every(isFields),
    `credentialInfos is ${shown(credentialInfos)}`
  )
  return credentialInfos.filter(isFields)
}

/** JSON with members in order, to compare what was said in another order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isFields(value)) return String(JSON.stringify(value))
  const members = Object.keys(value).sort()
  return `{${members.map((member) => `${JSON.stringify(member)}:${canonical(value[member])}`).join()}}`
}
