import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { AuthorityId } from '../../examples/dvctt-portal/authorities/remote-authority.js'
import { paymentOrderOf } from '../../examples/dvctt-portal/documents.js'
import type { Approval } from '../../examples/dvctt-portal/domain/approval.js'
import { createApprovals } from '../../examples/dvctt-portal/domain/approvals.js'
import { lookUp, readLogin } from '../../examples/dvctt-portal/domain/certificate-lookup.js'
import { emptyMember } from '../../examples/dvctt-portal/domain/draft.js'
import { contentOf, draftOf } from '../../examples/dvctt-portal/domain/draft-check.js'
import { dongs, dossierNumber, vietnamTime } from '../../examples/dvctt-portal/domain/numbers.js'
import { accepted, notTwice, payment, signed, submitted } from '../../examples/dvctt-portal/domain/payment.js'
import { checkPayment } from '../../examples/dvctt-portal/domain/payment-check.js'
import { type Member, type Role, registered } from '../../examples/dvctt-portal/domain/people.js'
import { Refusal } from '../../examples/dvctt-portal/domain/refusal.js'
import {
  approved,
  asInForce,
  completed,
  declared,
  type MadeSignature,
  type Registration,
  registration
} from '../../examples/dvctt-portal/domain/registration.js'
import * as rules from '../../examples/dvctt-portal/domain/rules.js'
import { declarationsTask, paymentTask } from '../../examples/dvctt-portal/domain/tasks.js'
import { preparePades } from '../../examples/dvctt-portal/pdf/pades.js'
import { createStore, draftsMax, paymentsMax } from '../../examples/dvctt-portal/store.js'
import { signersOf } from './openssl-signers.js'
import { listed, providerElsewhere } from './provider.js'

const now = () => new Date('2026-05-26T08:49:46.123Z')
const [an, binh, cuong] = await signersOf({ teardown: (work) => t.teardown(work) }, ['An', 'Bình', 'Cường'])
if (an === undefined || binh === undefined || cuong === undefined) throw new Error('signers are missing')
const certificates = {
  an: listed(an, 'A1', 'An'),
  binh: listed(binh, 'B1', 'Bình'),
  cuong: listed(cuong, 'C1', 'Cường')
}
const keys = { an, binh, cuong }
type Name = keyof typeof certificates

/** A member who signs remotely at VIETTEL, by the login that is the name. */
const remote = (role: Role, name: Name): Member => ({
  ...{ id: `id-${name}`, role, fullName: name, email: 'a@example.vn', phone: '0912345678' },
  means: {
    ...{ kind: 'remote', authority: 'viettel', authorityLabel: 'VIETTEL SMART CA', login: name },
    certificate: registered(certificates[name])
  }
})
const token = (role: Role, serialNumber: string): Member => ({
  ...{ id: serialNumber, role, fullName: serialNumber, email: 'a@example.vn', phone: '0912345678' },
  means: { kind: 'token', serialNumber, notBefore: now(), notAfter: now() }
})
const accountant: Member = { ...token('accountant', 'ktv'), means: null }
const unit = {
  ...{ name: 'Trường THCS Sông Lô', code: '1001163', treasuryCode: '0064' },
  ...{ phone: '024 1234 5678', email: 'a@example.vn', services: ['Kê khai yêu cầu thanh toán'] }
}
const content = (members: Member[], replaces: string | null = null) => ({
  ...{ unit, accounts: ['3511.0.9091378'], members, replaces }
})
const signers = [accountant, remote('chiefAccountant', 'an'), remote('accountHolder', 'binh')]
const made = (name: Name): MadeSignature => ({
  ...{ memberId: `id-${name}`, signer: name, role: 'accountHolder', authorityLabel: 'VIETTEL SMART CA' },
  ...{ serialNumber: certificates[name].serialNumber, signedAt: now() }
})
const refusal = (rule: string, message: RegExp = /./) => ({ name: 'Refusal', rule, message })

t.test('numbers: unit code, yyMMddHHmmss in Vietnam, three digits', async (t) => {
  const given = new Set<string>()
  const next = () => {
    const number = dossierNumber('1001163', now(), (one) => given.has(one))
    given.add(number)
    return number
  }
  t.equal(next(), '1001163260526154946123')
  t.equal(next(), '1001163260526154946124', 'two in one moment differ')
  while (given.size < 1_000) next()
  t.throws(next, refusal('form', /thử lại/i), 'a second has a thousand')
  t.equal(vietnamTime(new Date('2023-12-17T08:06:19Z')), '17-12-2023 15:06:19 +07:00')
  t.equal(dongs(12_500_000), '12.500.000')
})

t.test('the rules of the letters', async (t) => {
  const [viettel, vnpt] = [providerElsewhere(), providerElsewhere('vnpt', 'secret')]
  t.equal(rules.authorityNamed([viettel, vnpt], 'vnpt'), vnpt, 'R1, R2: the list decides')
  t.throws(() => rules.authorityNamed([viettel], 'vnpt'), refusal('R1', /VIETTEL SMART CA/))
  t.throws(() => rules.authorityNamed([viettel], 'bcy'), refusal('R3', /Ban Cơ yếu Chính phủ/), 'R3: known')

  t.equal(rules.oneKindOfSigning(signers), 'remote')
  t.throws(
    () => rules.oneKindOfSigning([remote('chiefAccountant', 'an'), token('accountHolder', '54')]),
    refusal('R4', /ký số từ xa hoặc USB token/)
  )
  const inForce = { number: '1', kind: 'remote' } as const
  t.throws(() => rules.changesWhatIsInForce(inForce, null), refusal('R4', /Đăng ký thay đổi/))
  t.throws(
    () => rules.changesWhatIsInForce(inForce, '0'),
    refusal('R7'),
    'a change of one that is no longer in force'
  )
  t.doesNotThrow(() => rules.changesWhatIsInForce(inForce, '1'))
  t.doesNotThrow(() => rules.changesWhatIsInForce(null, null))

  t.throws(() => rules.confirmsOnDevice(token('accountHolder', '54').means), refusal('R5', /USB token/))
  t.doesNotThrow(() => rules.acceptableKey(certificates.an))
  t.throws(() => rules.acceptableKey({ chain: [] }), refusal('R6', /RSA/))

  const { an, binh } = certificates
  t.equal(rules.registeredCertificate(an, [binh, an], now()), an)
  t.throws(
    () => rules.registeredCertificate(an, [binh], now()),
    refusal('R7', /Đăng ký thay đổi sử dụng DVC/)
  )
  t.throws(() => rules.registeredCertificate(an, [an], new Date('2030-01-01')), refusal('R7', /hết hạn/))
  t.throws(() => rules.validNow(an, new Date('2025-01-01')), refusal('R7', /chưa đến ngày/))
  t.throws(() => rules.namesOrganisationAndTitle({ ...an, title: null }), refusal('people', /chức danh/))
  t.throws(() => rules.enoughSigners([remote('chiefAccountant', 'an')]), refusal('people', /Chủ tài khoản/))
  t.throws(
    () => rules.enoughSigners([remote('chiefAccountant', 'an'), remote('deputyAccountHolder', 'binh')]),
    refusal('people', /Chủ tài khoản/),
    'a deputy does not stand in for having one'
  )
  t.throws(
    () => rules.enoughSigners([remote('chiefAccountant', 'an'), remote('accountHolder', 'an')]),
    refusal('people', /hai lần/)
  )
})

t.test('who may sign: the seat whose turn it is, and its deputies', async (t) => {
  const members = [...signers, remote('deputyAccountHolder', 'cuong')]
  const who = (login: string, authority: AuthorityId = 'viettel') => ({ login, authority })
  t.equal(rules.signerFor(members, 'chiefAccountant', who('an')).fullName, 'an')
  t.equal(rules.signerFor(members, 'accountHolder', who('cuong')).role, 'deputyAccountHolder')
  t.throws(() => rules.signerFor(members, 'accountHolder', who('an')), refusal('order', /Chủ tài khoản/))
  t.throws(() => rules.signerFor(members, 'accountHolder', who('ai đó')), refusal('R7'))
  t.throws(() => rules.signerFor(members, 'accountHolder', who('binh', 'misa')), refusal('R7'), 'elsewhere')
  const tokens = [token('chiefAccountant', '54'), token('accountHolder', '55')]
  t.throws(() => rules.signerFor(tokens, 'accountHolder', who('binh')), refusal('R5'))
})

t.test('"Lấy thông tin": what a provider says of a login', async (t) => {
  const provider = providerElsewhere('viettel', 'secret')
  provider.people.set('an', { certificate: certificates.an, signer: an })
  const member = { ...emptyMember('1', 'chiefAccountant'), authority: 'viettel', login: 'an' }
  const found = await lookUp(member, 'secret', [provider], now())
  t.equal(found.found?.certificate.serialNumber, 'A1')
  t.notMatch(JSON.stringify(found), 'secret', 'the password is not kept')
  for (const [changes, password, fault] of [
    [{}, 'wrong', /Sai mật khẩu/],
    [{}, '', /Hãy nhập mật khẩu/],
    [{ login: '' }, 'secret', /Hãy nhập tên đăng nhập/],
    [{ login: 'nobody' }, 'secret', /không có chứng thư số nào/],
    [{ authority: 'bcy' }, 'secret', /Ban Cơ yếu/]
  ] as const) {
    const refused = await lookUp({ ...found, ...changes }, password, [provider], now())
    t.match(refused.fault, fault)
    t.equal(refused.found, null, 'what was there before is gone')
  }
  const typed = { authority: 'viettel', login: 'an', password: 'x' }
  t.equal(
    readLogin([providerElsewhere()], typed).login.password,
    null,
    'none is sent where none is asked for'
  )
})

t.test('a registration goes one way, and a change leaves the old record alone (R7)', async (t) => {
  const files = [{ name: 'a.pdf', pdf: new Uint8Array() }]
  const first = registration(content(signers), null, '1', now())
  t.throws(() => declared(first, files, made('binh')), refusal('order', /Chờ hoàn thiện/))
  t.throws(() => approved(first, null, now()), refusal('order'))
  const second = completed(first, files)
  t.throws(() => completed(second, files), refusal('order', /Chờ phê duyệt/))
  const old = approved(declared(second, files, made('binh')), null, now())
  t.equal(first.state, 'incomplete', 'each step is a record of its own')
  t.throws(() => Object.assign(old, { state: 'sent' }), TypeError)

  const store = createStore(now)
  const before = JSON.stringify(old)
  store.registrations.put(old)
  t.throws(() => draftOf(old, 'edit', 'd'), refusal('order'))
  t.throws(() => registration(content(signers), asInForce(old), '2', now()), refusal('R4'))
  const draft = draftOf(old, 'change', 'd')
  t.match(draft, { number: null, replaces: '1' })
  const members = [...signers.slice(0, 2), remote('accountHolder', 'cuong')]
  const change = registration(
    { ...contentOf(draft, [providerElsewhere()]), members },
    asInForce(old),
    '2',
    now()
  )
  store.registrations.put(change)
  t.equal(store.inForce(unit.code)?.number, '1', 'the old one is in force until the treasury approves')
  store.registrations.put(
    approved(declared(completed(change, files), files, made('cuong')), asInForce(old), now())
  )
  t.equal(store.inForce(unit.code)?.number, '2')
  t.equal(JSON.stringify(store.registrations.find('1')), before)

  const tokens = [accountant, token('chiefAccountant', '54'), token('accountHolder', '55')]
  t.throws(() => registration(content(tokens), asInForce(old), '3', now()), refusal('R4'), 'not beside it')
  t.equal(registration(content(tokens, '1'), asInForce(old), '3', now()).replaces, '1', 'but as a change')
})

const order = {
  ...{
    preparedBy: 'ktv',
    account: '3511.0.9091378',
    beneficiary: 'Công ty mẫu',
    beneficiaryAccount: '0011004'
  },
  ...{ beneficiaryBank: 'Ngân hàng mẫu', purpose: 'Văn phòng phẩm' },
  lines: [{ content: 'Giấy in', budgetCode: '6551', amount: '3.500.000' }]
}

t.test('a payment dossier: fields, order, and nobody twice', async (t) => {
  const inForce = registration(content(signers), null, '1', now())
  const faultsOf = (changes: object) => {
    const checked = checkPayment({ ...order, ...changes }, inForce)
    return 'faults' in checked ? checked.faults.join(' ') : ''
  }
  t.match(faultsOf({ account: '9' }), /tài khoản đã đăng ký/)
  t.match(faultsOf({ preparedBy: 'id-an' }), /Kế toán viên/)
  t.match(faultsOf({ lines: [] }), /ít nhất một dòng/)
  for (const amount of ['0', '-1', '1,5', '3.50', '1e3', '9'.repeat(13)])
    t.match(faultsOf({ lines: [{ content: 'a', budgetCode: '', amount }] }), /số đồng nguyên/, amount)

  const one = await newPayment(inForce)
  const [file, by] = [one.document, made('an')]
  t.throws(() => signed(one, 'chiefAccountant', file, by, null), refusal('order'), 'not submitted yet')
  const two = submitted(one)
  t.throws(() => submitted(two), refusal('order'))
  t.throws(
    () => signed(two, 'accountHolder', file, made('binh'), null),
    refusal('order'),
    'the chief signs first'
  )
  const three = signed(two, 'chiefAccountant', file, by, 'id-binh')
  t.match(three, { state: 'awaitingAccountHolder', accountHolderId: 'id-binh' })
  t.throws(() => signed(three, 'accountHolder', file, by, null), refusal('order', /đã ký hồ sơ rồi/))
  t.throws(() => notTwice(three, 'A1'), refusal('order'))
  t.throws(() => accepted(three), refusal('order'))
  t.equal(accepted(signed(three, 'accountHolder', file, made('binh'), null)).state, 'accepted')
})

async function newPayment(inForce: Registration) {
  const checked = checkPayment(order, inForce)
  if ('faults' in checked) throw new Error(checked.faults.join(' '))
  const document = await paymentOrderOf({ ...checked.content, number: '9', createdAt: now() })
  return payment(checked.content, '9', now(), document)
}

t.test('"Phê duyệt"', async (t) => {
  const warnings: string[] = []
  /** A unit in force, with one dossier that waits for its chief accountant. */
  async function stage() {
    const provider = providerElsewhere()
    for (const [name, signer] of Object.entries(keys))
      provider.people.set(name, { certificate: certificates[name as Name], signer })
    const store = createStore(now)
    const inForce = {
      ...registration(content(signers), null, '1', now()),
      state: 'approved',
      approvedAt: now()
    } as const
    store.registrations.put(inForce)
    store.payments.put(submitted(await newPayment(inForce)))
    const approvals = createApprovals({
      ...{ authorities: [provider], preparePades, now, pollIntervalMs: 5 },
      log: { warn: (_about, message) => void warnings.push(message) }
    })
    t.teardown(() => approvals.close())
    const press = (login: string, chosen: string | null = 'id-binh') =>
      approvals.start(paymentTask(store, '9', chosen, now), { authority: 'viettel', login, password: null })
    return { provider, store, approvals, press, state: () => store.payments.find('9')?.state }
  }
  async function ended(approval: Approval) {
    while (approval.state === 'asking' || approval.state === 'waiting') await sleep(5)
    return approval.state
  }

  await t.test('pressed in two tabs at once, it asks the signer once', async (t) => {
    const { provider, press, state } = await stage()
    const [one, two] = await Promise.all([press('an'), press('an')])
    t.equal(one, two)
    t.equal(await press('an'), one, 'and while it waits')
    t.equal(provider.asked.length, 1)
    t.equal(
      one.documents[0]?.digestBase64,
      Buffer.from(provider.asked[0]?.documents[0]?.digest ?? []).toString('base64')
    )
    t.equal(state(), 'awaitingChiefAccountant', 'nothing moves before the answer')
    provider.silences = 2
    provider.outcome = 'signed'
    t.equal(await ended(one), 'signed')
    t.same(
      warnings,
      ['Không trả lời.', 'Không trả lời.'],
      'a provider that is away is asked again, its signer not'
    )
    t.equal(state(), 'awaitingAccountHolder')
    t.equal(await ended(await press('binh', null)), 'signed')
    t.equal(state(), 'sent')
    t.equal(provider.asked.length, 2)
    await t.rejects(async () => press('binh', null), refusal('order'), 'there is nothing left to sign')
  })

  await t.test('whatever does not end in a signature leaves the dossier, to be tried again', async (t) => {
    const { provider, press, store, approvals } = await stage()
    const before = store.payments.find('9')
    for (const outcome of ['refused', 'expired', 'failed'] as const) {
      provider.outcome = outcome
      const approval = await press('an')
      t.equal(await ended(approval), outcome)
      t.match(approval.message, /có thể ký lại/)
      t.equal(approvals.lastOf('9'), approval)
      t.equal(store.payments.find('9'), before)
    }
    provider.outcome = 'signed'
    provider.byAnotherKey = cuong
    t.equal(await ended(await press('an')), 'failed', 'a signature by another key is none')
    t.equal(store.payments.find('9'), before)
    provider.byAnotherKey = null
    provider.people.set('an', { certificate: certificates.cuong, signer: cuong })
    const changed = await press('an')
    t.match(changed, { state: 'failed', message: /Đăng ký thay đổi/ }, 'R7: another certificate')
    provider.people.set('an', { certificate: certificates.an, signer: an })
    t.equal(await ended(await press('an')), 'signed')
  })

  await t.test('who may not sign is refused before anybody is asked', async (t) => {
    const { provider, press } = await stage()
    await t.rejects(press('binh'), refusal('order'), 'out of order')
    await t.rejects(press('an', 'id-an'), refusal('order', /Chủ tài khoản sẽ ký/), 'the next one is a holder')
    await t.rejects(press('cuong'), refusal('R7'), 'not registered')
    t.same(provider.asked, [])
  })

  await t.test('a registration that changes meanwhile takes the signature out of use', async (t) => {
    const { provider, press, store, state } = await stage()
    const waiting = await press('an')
    const members = [accountant, remote('chiefAccountant', 'cuong'), remote('accountHolder', 'binh')]
    const change = registration(content(members, '1'), asInForce(store.inForce(unit.code)), '2', now())
    store.registrations.put({ ...change, state: 'approved', approvedAt: now() })
    provider.outcome = 'signed'
    t.equal(await ended(waiting), 'failed')
    t.match(waiting.message, /đã thay đổi/)
    t.equal(state(), 'awaitingChiefAccountant')
  })

  await t.test('declarations are signed by the account holder alone', async (t) => {
    const { provider, store, approvals } = await stage()
    const document = (await newPayment(registration(content(signers), null, '1', now()))).document
    store.registrations.put(
      completed(registration(content(signers, '1'), asInForce(store.inForce(unit.code)), '5', now()), [
        document,
        document
      ])
    )
    const press = (login: string) =>
      approvals.start(declarationsTask(store, '5', now), { authority: 'viettel', login, password: null })
    await t.rejects(press('an'), refusal('order'))
    provider.outcome = 'signed'
    t.equal(await ended(await press('binh')), 'signed')
    t.equal(provider.asked[0]?.documents.length, 2, 'both by one confirmation')
    t.match(store.registrations.find('5'), { state: 'sent', signature: { signer: 'binh' } })
  })
})

t.test('the store has limits', async (t) => {
  const store = createStore(now)
  const one = await newPayment(registration(content(signers), null, '1', now()))
  for (let count = 0; count < paymentsMax; count += 1) store.payments.put({ ...one, number: String(count) })
  t.throws(() => store.payments.put({ ...one, number: 'more' }), Refusal)
  t.doesNotThrow(() => store.payments.put({ ...one, number: '0' }), 'what is there goes on')
  const draft = draftOf(registration(content(signers), null, '1', now()), 'edit', 'd')
  for (let count = 0; count <= draftsMax; count += 1) store.drafts.put({ ...draft, id: String(count) })
  t.equal(store.drafts.find('0'), null, 'the oldest unfinished form goes')
  t.equal(store.drafts.find(String(draftsMax))?.id, String(draftsMax))
})
