import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { lookUp } from '../domain/certificate-lookup.js'
import { accountsMax, type Draft, type DraftMember, emptyMember, membersMax } from '../domain/draft.js'
import { contentOf, draftOf, faultsOf } from '../domain/draft-check.js'
import { isRole, roles } from '../domain/people.js'
import { Refusal } from '../domain/refusal.js'
import { asInForce, mustBe, registration } from '../domain/registration.js'
import { oneKindOfKinds } from '../domain/rules.js'
import { demoDraft } from '../pages/demo-people.js'
import { registrationForm } from '../pages/registration-form.js'
import { found, goTo, type Numbered, type RouteDeps, send, settingOf } from './deps.js'
import { formOf, line, lines, password } from './forms.js'

/** The registration form, while it is filled in. */
export function registerDrafts(app: FastifyInstance, deps: RouteDeps): void {
  const { store, authorities, now } = deps
  const begin = (draft: Draft): string => {
    store.drafts.put(draft)
    return `/drafts/${draft.id}`
  }

  app.post('/drafts', async (request, reply) =>
    goTo(reply, begin(demoDraft(line(formOf(request), 'unit'), randomUUID(), randomUUID)))
  )
  for (const mode of ['edit', 'change'] as const) {
    app.post<Numbered>(`/registrations/:number/${mode}`, async ({ params }, reply) => {
      const one = found(store.registrations.find(params.number))
      if (mode === 'change') mustBe(one, 'approved')
      return goTo(reply, begin(draftOf(one, mode, randomUUID())))
    })
  }

  app.get<{ Params: { id: string } }>('/drafts/:id', async (request, reply) => {
    const draft = found(store.drafts.find(request.params.id))
    return send(reply, registrationForm(draft, settingOf(deps, request, reply)))
  })

  app.post<{ Params: { id: string } }>('/drafts/:id', async (request, reply) => {
    const form = formOf(request)
    const draft = read(found(store.drafts.find(request.params.id)), form)
    const [action, id = ''] = line(form, 'action').split(':')
    const at = (member: string) => `/drafts/${draft.id}#member-${member}`
    switch (action) {
      case 'save':
        return goTo(reply, save(draft))
      case 'info': {
        const changed = await withInfo(draft, id, password(form, `${id}.password`))
        begin(changed)
        return goTo(reply, changed.faults.length > 0 ? `/drafts/${draft.id}` : at(id))
      }
      case 'add': {
        const role = line(form, 'role')
        const member =
          isRole(role) && draft.members.length < membersMax ? emptyMember(randomUUID(), role) : null
        if (member === null) return goTo(reply, begin(draft))
        begin({ ...draft, members: [...draft.members, member] })
        return goTo(reply, at(member.id))
      }
      case 'remove':
        return goTo(reply, begin({ ...draft, members: draft.members.filter((one) => one.id !== id) }))
      default:
        return goTo(reply, begin(draft))
    }
  })

  /** "Lấy thông tin" for one member. */
  async function withInfo(draft: Draft, id: string, secret: string): Promise<Draft> {
    try {
      oneKindOfKinds(draft.members.filter(({ role }) => roles[role].seat !== null).map(({ kind }) => kind))
    } catch (error) {
      return { ...draft, faults: [sentenceOf(error)] }
    }
    const change = (member: DraftMember) =>
      member.id === id ? lookUp(member, secret, authorities, now()) : member
    return { ...draft, members: await Promise.all(draft.members.map(change)) }
  }

  /** "Ghi hồ sơ". @returns Where to go: the registration, or the form again with what is wrong. */
  function save(draft: Draft): string {
    const faults = faultsOf(draft, authorities)
    if (faults.length > 0) return begin({ ...draft, faults })
    try {
      const old = draft.number === null ? null : found(store.registrations.find(draft.number))
      if (old !== null) {
        mustBe(old, 'incomplete')
        if (old.unit.code !== draft.unitCode)
          throw new Refusal('form', 'Số hồ sơ bắt đầu bằng mã ĐVQHNS. Để đổi mã, hãy lập hồ sơ mới.')
      }
      const number = old?.number ?? store.newNumber(draft.unitCode)
      const inForce = asInForce(store.inForce(draft.unitCode))
      store.registrations.put(
        registration(contentOf(draft, authorities), inForce, number, old?.createdAt ?? now())
      )
      store.drafts.remove(draft.id)
      return `/registrations/${number}`
    } catch (error) {
      return begin({ ...draft, faults: [sentenceOf(error)] })
    }
  }
}

/** The draft with what the form says. A certificate stays only with the provider and login it was asked for. */
function read(draft: Draft, form: URLSearchParams): Draft {
  const of = (name: string) => line(form, name)
  return {
    ...draft,
    ...{ name: of('name'), unitCode: of('unitCode'), treasuryCode: of('treasuryCode') },
    ...{ phone: of('phone'), email: of('email') },
    services: lines(form, 'services', 10),
    accounts: lines(form, 'accounts', accountsMax).filter((account) => account !== ''),
    members: draft.members.map((member) => readMember(member, (name) => of(`${member.id}.${name}`))),
    faults: []
  }
}

function readMember(member: DraftMember, of: (name: string) => string): DraftMember {
  const [authority, login] = [of('authority'), of('login')]
  const same = member.found?.authority === authority && member.found.login === login
  return {
    ...member,
    ...{ fullName: of('fullName'), email: of('email'), phone: of('phone') },
    kind: of('kind') === 'token' ? 'token' : 'remote',
    ...{ authority, login },
    ...{ tokenSerial: of('tokenSerial'), tokenFrom: of('tokenFrom'), tokenTo: of('tokenTo') },
    found: same ? member.found : null,
    fault: null
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) return error.message
  throw error
}
