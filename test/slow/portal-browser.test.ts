import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createAuthorities } from '../../examples/dvctt-portal/authorities/all.js'
import { createPortal } from '../../examples/dvctt-portal/portal.js'
import { chromium, startBrowser, Tab } from '../clients/browser.js'
import { DvcttPages, type FormSigner, places } from '../clients/dvctt-pages.js'
import { Operator } from '../clients/operator.js'
import { startWorld } from '../world.js'

/** `PICTURES=docs/pictures` keeps those that docs/portal.md shows. */
const pictures = process.env.PICTURES
const pdfsig = '/usr/bin/pdfsig'
const missing =
  chromium === undefined ? 'chromium is missing' : existsSync(pdfsig) ? false : 'pdfsig is missing'
const providers = ['viettel', 'vnpt', 'misa', 'nacencomm'] as const
type Signers = Record<(typeof providers)[number], FormSigner>

t.test('the reference portal, in a browser', { skip: missing }, async (t) => {
  const world = await startWorld(t)
  const operator = new Operator({ url: world.url })
  const warnings: unknown[] = []
  const note = (about: object, message: string) => void warnings.push([message, about])
  const authorities = createAuthorities({
    baseUrl: world.url,
    clientId: 'dvctt',
    clientSecret: 'dvctt-secret'
  })
  const portal = createPortal({
    authorities,
    now: world.clock.now,
    pollIntervalMs: 200,
    log: { warn: note, error: note }
  })
  t.teardown(() => portal.close())
  const origin = await portal.listen({ host: '127.0.0.1', port: 0 })
  const browser = await startBrowser(t)
  const tab = await Tab.open(browser, origin)
  const pages = new DvcttPages(tab, origin)
  const shot = async (name: string) => {
    if (pictures !== undefined) await tab.page.screenshot({ path: `${pictures}/portal-${name}.png` })
  }

  const chiefs: Signers = {
    viettel: { authority: 'viettel', login: 'CMT_0123456789', password: null, fullName: 'Nguyễn Văn An' },
    vnpt: await enrol('vnpt', '036081007777', 'Vũ Đức Cường', 'Kế toán trưởng', 'mật khẩu của Cường'),
    misa: { authority: 'misa', login: 'binh.le@example.vn', password: 'misa-demo', fullName: 'Lê Hòa Bình' },
    nacencomm: await enrol('nacencomm', '036081008888', 'Ngô Thị Duyên', 'Kế toán trưởng', null)
  }
  const holders: Signers = {
    viettel: await enrol('viettel', 'CMT_012345999', 'Hồ Thị Giang', 'Chủ tài khoản', null),
    vnpt: { authority: 'vnpt', login: '001088035895', password: 'vnpt-demo', fullName: 'Trần Thị Bình' },
    misa: await enrol('misa', 'khoa.dang@example.vn', 'Đặng Minh Khoa', 'Chủ tài khoản', 'mật khẩu của Khoa'),
    nacencomm: { authority: 'nacencomm', login: '036090001234', password: null, fullName: 'Phạm Thu Hà' }
  }
  for (const signers of [chiefs, holders])
    for (const { id, asksPassword } of authorities) if (!asksPassword) signers[id].password = null

  /** A subscriber with organisation and title, an RSA credential, and a virtual phone that confirms. */
  async function enrol(
    provider: string,
    login: string,
    fullName: string,
    title: string,
    password: string | null
  ): Promise<FormSigner> {
    const nationalId = login.replaceAll(/\D/g, '').padEnd(12, '0').slice(0, 12)
    const organisation = { name: 'Trường Tiểu học Thử Nghiệm', budgetUnitCode: '1002000' }
    const { body } = await operator.post('/subscribers', {
      ...{ provider, login, fullName, title, nationalId, organisation },
      ...(password === null ? {} : { password })
    })
    const id = String(body.id)
    const made = await operator.post(`/subscribers/${id}/credentials`, {
      algorithm: 'RSA-2048',
      publish: true
    })
    t.equal(made.status, 201, `${fullName} at ${provider}`)
    await operator.call('PUT', `/subscribers/${id}/virtual-phone`, {
      ...{ behaviour: 'confirm', delayMs: 0, biometric: 'face' }
    })
    return { authority: provider, login, fullName, password }
  }

  /** What the phone of a signer does with the next challenge. */
  async function next({ authority, login }: FormSigner, behaviour: string, delayMs = 0) {
    const id = await operator.subscriberId(authority, login)
    const { status } = await operator.post(`/subscribers/${id}/virtual-phone/next`, {
      ...{ behaviour, delayMs, biometric: 'face' }
    })
    t.ok(status < 300, `${behaviour} is queued`)
  }

  /** How many signatures of a file the judge finds valid, and of whom. */
  async function judged(pdf: Buffer): Promise<{ valid: number; signers: string[] }> {
    const path = join(t.testdir(), 'signed.pdf')
    await writeFile(path, pdf)
    const { stdout } = await promisify(execFile)(pdfsig, ['-nocert', path])
    return {
      valid: [...stdout.matchAll(/Signature is Valid/g)].length,
      signers: [...stdout.matchAll(/Signer Certificate Common Name: (.*)$/gm)].map(([, name = '']) => name)
    }
  }

  await t.test('every pair of providers, from the first form to the accepted dossier', async (t) => {
    for (const [row, by] of providers.entries()) {
      // A unit of each chief accountant. Its account holder is at the same provider, the deputies are at the others.
      const unit = { name: `Trường Tiểu học ${by}`, code: `100200${row}`, account: '3511.0.9091378' }
      const [chief, holder] = [chiefs[by], holders[by]]
      const deputies = providers.filter((provider) => provider !== by).map((provider) => holders[provider])
      const registration = await pages.register(unit, chief, holder, deputies)
      t.match(registration, new RegExp(`^${unit.code}\\d{15}$`))
      t.equal(await pages.state(), 'Chờ phê duyệt', await pages.fault())
      await pages.sign(holder)
      t.equal(await pages.state(), 'Đã gửi Kho bạc', await pages.fault())
      const declarations = await pages.files()
      t.same(
        declarations.map(({ name }) => name),
        ['tokhaidangkysudungdvc.pdf', 'tokhaidangkysudungdidong.pdf']
      )
      for (const { pdf } of declarations) t.equal((await judged(pdf)).valid, 1)
      await pages.treasury(registration)
      t.equal(await pages.state(), 'Kho bạc đã phê duyệt')

      for (const and of providers) {
        const number = await pages.prepare(unit.code)
        t.equal(await pages.state(), 'Chờ Kế toán trưởng phê duyệt')
        await pages.sign(chief)
        t.equal(await pages.state(), 'Chờ Chủ tài khoản phê duyệt', await pages.fault())
        await pages.sign(holders[and])
        t.equal(await pages.state(), 'Đã gửi Kho bạc', await pages.fault())
        const [file] = await pages.files()
        const { valid, signers } = await judged(file?.pdf ?? Buffer.alloc(0))
        t.equal(valid, 2, `${by}, then ${and}: both signatures are valid`)
        t.same(
          signers.map((name) => name.toLocaleLowerCase('vi')),
          [chief, holders[and]].map(({ fullName }) => fullName.toLocaleLowerCase('vi'))
        )
        await pages.treasury(number)
        t.equal(await pages.state(), 'Kho bạc đã tiếp nhận')
      }
    }
    t.same(warnings, [])
    // The pictures in fields for dates are the browser's own.
    const strange = tab.strange.filter((one) => !one.startsWith('data:image/svg+xml'))
    t.same(strange, [], 'nothing from elsewhere, nothing against the policy, no fault of a script')
  })

  await t.test(
    'a refusal and a wait in vain leave the dossier where it was, and it is tried again',
    async (t) => {
      const { unit } = await registered(t, '1003001', chiefs.viettel, holders.nacencomm)
      const number = await pages.prepare(unit.code)

      await next(chiefs.viettel, 'reject')
      await pages.sign(chiefs.viettel)
      t.equal(await pages.state(), 'Chờ Kế toán trưởng phê duyệt')
      t.match(await pages.fault(), /Người ký đã từ chối/)
      t.equal(await tab.text('form.approve button'), 'Phê duyệt lại')
      await pages.sign(chiefs.viettel)
      t.equal(await pages.state(), 'Chờ Chủ tài khoản phê duyệt', await pages.fault())

      await next(holders.nacencomm, 'ignore')
      await pages.approve(holders.nacencomm)
      t.match(pages.path(), /^\/approvals\//)
      t.match(await tab.text('[role=status]'), holders.nacencomm.fullName)
      t.match(await tab.text('.phone'), `uynhiemchi-${number}.pdf`)
      world.clock.advance(400_000)
      await pages.answered()
      t.equal(await pages.state(), 'Chờ Chủ tài khoản phê duyệt')
      t.match(await pages.fault(), /Đã hết thời gian chờ/)
      await pages.sign(holders.nacencomm)
      t.equal(await pages.state(), 'Đã gửi Kho bạc', await pages.fault())
      const [file] = await pages.files()
      t.equal((await judged(file?.pdf ?? Buffer.alloc(0))).valid, 2)
    }
  )

  await t.test('a wrong password, BCY, token beside remote: each says what to do', async (t) => {
    const unit = { name: 'Trường Mầm non Thử', code: '1003002', account: '3511.0.9091378' }
    await pages.fillRegistration(unit, { ...chiefs.vnpt, password: 'sai' }, holders.vnpt)
    await pages.fetchInfo(places.chiefAccountant)
    t.match(await pages.fault(), /[Mm]ật khẩu/)
    t.equal(await tab.text('.certificate'), '', 'no certificate is filled in')

    await pages.fillSigner(places.chiefAccountant, { ...chiefs.vnpt, authority: 'bcy' })
    await pages.fetchInfo(places.chiefAccountant)
    t.match(await pages.fault(), /Ban Cơ yếu Chính phủ.*chưa/)

    await pages.fillSigner(places.chiefAccountant, chiefs.vnpt)
    await pages.fetchInfo(places.chiefAccountant)
    t.equal(await pages.fault(), '')
    t.match(await tab.text('.certificate'), /Số sê-ri[0-9A-F]{16,}/)
    await tab.change('.certificate', "it.scrollIntoView({ block: 'end' })")
    await shot('registration')
    t.same(await tab.inaccessible(), [], 'every control has a name and room for a thumb')
    await pages.fill({ '2.kind': 'token', '2.tokenSerial': '5402ABCDEF12' })
    await pages.fill({ '2.tokenFrom': '2026-01-01', '2.tokenTo': '2029-01-01' })
    await pages.press('button[value=save]')
    t.match(await pages.fault(), /chỉ dùng một hình thức: ký số từ xa hoặc USB token/)
  })

  await t.test('two tabs that press "Phê duyệt" at once ask the signer once', async (t) => {
    const { unit } = await registered(t, '1003003', chiefs.misa, holders.viettel)
    const number = await pages.prepare(unit.code)
    await next(chiefs.misa, 'confirm', 3_000)
    const other = new DvcttPages(await Tab.open(browser, origin), origin)
    await other.open(`/payments/${number}`)
    const before = await activations()
    await Promise.all([pages.approve(chiefs.misa), other.approve(chiefs.misa)])
    t.equal(pages.path(), other.path(), 'both wait on the same page')
    await shot('waiting')
    t.same(await tab.inaccessible(), [])
    await Promise.all([pages.answered(), other.answered()])
    t.equal(await activations(), before + 1)
    t.equal(await other.state(), 'Chờ Chủ tài khoản phê duyệt', await other.fault())
    await other.tab.close()
  })

  await t.test('who is not the registered signer does not sign', async (t) => {
    const { unit } = await registered(t, '1003004', chiefs.viettel, holders.vnpt)
    await pages.prepare(unit.code)
    await pages.approve(holders.vnpt)
    t.match(await pages.fault(), /Lúc này cần chữ ký của Kế toán trưởng/, 'out of order')
    await pages.approve(chiefs.nacencomm)
    t.match(await pages.fault(), /không phải của Kế toán trưởng đã đăng ký/, 'somebody else')
    await pages.sign(chiefs.viettel)
    t.equal(await pages.state(), 'Chờ Chủ tài khoản phê duyệt', await pages.fault())
    await pages.approve(chiefs.viettel)
    t.match(await pages.fault(), /Lúc này cần chữ ký của Chủ tài khoản/, 'twice')
    await pages.sign(holders.vnpt)
    await pages.treasury(pages.path().split('/').at(-1) ?? '')
    t.equal(await pages.state(), 'Kho bạc đã tiếp nhận')
    await shot('accepted')
    t.same(await tab.inaccessible(), [])
  })

  await t.test(
    'another certificate is a new registration; the old record stays as it was (R7)',
    async (t) => {
      const chief = await enrol('nacencomm', '036081009911', 'Mai Văn Hải', 'Kế toán trưởng', null)
      const { unit, registration } = await registered(t, '1003005', chief, holders.vnpt)
      const path = `/registrations/${registration}`
      await pages.open(path)
      const record = await tab.text('#members ~ ul')
      await pages.prepare(unit.code)
      const payment = pages.path()

      const id = await operator.subscriberId(chief.authority, chief.login)
      const { body } = await operator.get<{ credentials: { credentialID: string }[] }>(`/subscribers/${id}`)
      for (const { credentialID } of body.credentials)
        await operator.post(`/credentials/${credentialID}/revoke`, { reason: 'superseded' })
      await operator.post(`/subscribers/${id}/credentials`, { algorithm: 'RSA-2048', publish: true })
      await pages.sign(chief)
      t.match(await pages.fault(), /đăng ký thay đổi/i, 'the new one is not registered')
      t.equal(await pages.state(), 'Chờ Kế toán trưởng phê duyệt')

      await pages.open(path)
      await pages.press('form[action$="/change"] button')
      await pages.fillSigner(places.chiefAccountant, chief)
      await pages.fetchInfo(places.chiefAccountant)
      await pages.press('button[value=save]')
      await pages.press('form[action$="/complete"] button')
      const changed = pages.path().split('/').at(-1) ?? ''
      await pages.sign(holders.vnpt)
      await pages.treasury(changed)
      t.equal(await pages.state(), 'Kho bạc đã phê duyệt')
      t.not(await tab.text('#members ~ ul'), record)

      await pages.open(path)
      t.equal(await tab.text('#members ~ ul'), record, 'the old record is what it was')
      t.match(await tab.text('main'), `Đã được thay bằng hồ sơ ${changed}`)
      await pages.open(payment)
      await pages.sign(chief)
      t.equal(await pages.state(), 'Chờ Chủ tài khoản phê duyệt', await pages.fault())
    }
  )

  await t.test('the first page fills in a demo unit, and everything works without scripts', async (t) => {
    await pages.open('/')
    await shot('first')
    t.same(await tab.inaccessible(), [])
    const plain = new DvcttPages(await Tab.open(browser, origin), origin)
    await plain.tab.page.setJavaScriptEnabled(false)
    await plain.open('/')
    await plain.press('button[name=unit][value="1001163"]')
    await plain.fetchInfo(places.chiefAccountant)
    await plain.fillSigner(places.accountHolder, holders.vnpt)
    await plain.fetchInfo(places.accountHolder)
    await plain.press('button[value=save]')
    await plain.press('form[action$="/complete"] button')
    await next(holders.vnpt, 'confirm', 1_500)
    await plain.approve(holders.vnpt)
    await plain.tab.page.waitForSelector('.state')
    t.equal(await plain.state(), 'Đã gửi Kho bạc', await plain.fault())
    await plain.tab.close()
  })

  /** A unit whose registration is approved. */
  async function registered(t: Pick<Test, 'equal'>, code: string, chief: FormSigner, holder: FormSigner) {
    const unit = { name: `Đơn vị thử ${code}`, code, account: '3511.0.9091378' }
    const registration = await pages.register(unit, chief, holder)
    await pages.sign(holder)
    await pages.treasury(registration)
    t.equal(await pages.state(), 'Kho bạc đã phê duyệt', await pages.fault())
    return { unit, registration }
  }

  /** How often anybody was asked. */
  async function activations(): Promise<number> {
    const { body } = await operator.get<{ items: unknown[] }>('/activations?limit=200')
    return body.items.length
  }
})
