import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createAuthorities } from '../../examples/dvctt-portal/authorities/all.js'
import { refusedAuthorities } from '../../examples/dvctt-portal/authorities/refused.js'
import {
  AuthorityError,
  type AuthorityId,
  type SignatureOutcome,
  type SignatureRequest,
  type SignerLogin
} from '../../examples/dvctt-portal/authorities/remote-authority.js'
import { makePaymentOrder } from '../../examples/dvctt-portal/pdf/dossier.js'
import { preparePades } from '../../examples/dvctt-portal/pdf/pades.js'
import { Operator } from '../clients/operator.js'
import { verifies } from '../dialects/openssl.js'
import { seenSignatures, without } from '../documents/judges.js'
import { startWorld } from '../world.js'
import { startForgetfulProxy } from './forgetful-proxy.js'

/** The people of the demo seed, and whether the provider can repeat a request that was made. */
const people: Record<
  AuthorityId,
  { login: SignerLogin; commonName: string; title: string; repeats: boolean }
> = {
  viettel: {
    login: { name: 'CMT_0123456789', password: null },
    commonName: 'Nguyễn Văn An',
    title: 'Kế toán trưởng',
    repeats: false
  },
  vnpt: {
    login: { name: '001088035895', password: 'vnpt-demo' },
    commonName: 'Trần Thị Bình',
    title: 'Chủ tài khoản',
    repeats: true
  },
  misa: {
    login: { name: 'binh.le@example.vn', password: 'misa-demo' },
    commonName: 'Lê Hòa Bình',
    title: 'Kế toán trưởng',
    repeats: false
  },
  nacencomm: {
    login: { name: '036090001234', password: null },
    commonName: 'Phạm Thu Hà',
    title: 'Chủ tài khoản',
    repeats: true
  }
}
const documents = ['Tờ khai.pdf', 'Uỷ nhiệm chi 42.pdf'].map((name) => ({
  name,
  digest: createHash('sha256').update(name).digest()
}))
const client = { clientId: 'dvctt', clientSecret: 'dvctt-secret' }

t.test('the authorities of the portal, in their own dialects', async (t) => {
  const world = await startWorld(t, { settings: { LOCKOUT_ATTEMPTS: '2' } })
  const { url } = world
  const operator = new Operator({ url })
  const proxy = await startForgetfulProxy(t, url)
  const lossy = createAuthorities({ baseUrl: proxy.url, ...client })
  const strangers = createAuthorities({ baseUrl: url, ...client, clientSecret: 'sai' })
  const nowhere = createAuthorities({ baseUrl: 'http://127.0.0.1:9', ...client })
  const authorities = createAuthorities({ baseUrl: url, ...client })

  t.same(
    authorities.map(({ label }) => label),
    ['VIETTEL SMART CA', 'VNPT SMART CA', 'MISA SMART CA', 'Nacencomm CA']
  )
  t.match(refusedAuthorities, [{ id: 'bcy', reason: /chưa dùng được cho ký số từ xa/ }])

  for (const [index, authority] of authorities.entries()) {
    const { id, label, asksPassword } = authority
    const { login, commonName, title, repeats } = people[id]
    const subscriberId = await operator.subscriberId(id, login.name)
    /** How the phone answers the next challenge. */
    const next = async (behaviour: string) => {
      const path = `/subscribers/${subscriberId}/virtual-phone/next`
      const { status } = await operator.post(path, { behaviour, delayMs: 0 })
      if (status >= 300) throw new Error(`the phone is not set: ${status}`)
    }
    /** Until the phone has seen all that it was told to ignore: what is over before that leaves its behaviour to the next. */
    const ignoring = async () => {
      const path = `/subscribers/${subscriberId}/virtual-phone`
      for (let turn = 0; turn < 400; turn += 1) {
        if ((await operator.get<{ next: unknown[] }>(path)).body.next.length === 0) return
        await sleep(50)
      }
      throw new Error('the phone does not look')
    }
    const said = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'nothing went wrong',
        (error: unknown) => (error instanceof AuthorityError ? error.message : Promise.reject(error))
      )

    await t.test(label, async (t) => {
      t.equal(authority.loginExample, login.name)
      const [certificate, ...others] = await authority.certificates(login)
      const leaf = certificate?.chain[0]
      if (certificate === undefined || leaf === undefined) throw new Error('no certificate')
      const ask = (at = authority) => at.requestSignatures(login, certificate, documents, 'Ký tờ khai')

      await t.test('certificates are read', async (t) => {
        t.same(others, [], 'RSA alone')
        const leaf = new X509Certificate(certificate.chain[0] ?? '')
        t.equal(certificate.serialNumber, leaf.serialNumber)
        t.same(
          [certificate.notBefore, certificate.notAfter],
          [new Date(leaf.validFrom), new Date(leaf.validTo)]
        )
        t.equal(certificate.commonName, commonName.toLocaleUpperCase('vi'))
        t.match(certificate.subject, certificate.commonName)
        t.match(certificate.organisation, /THCS Sông Lô|Phước Long/)
        t.equal(certificate.title, title)
        t.equal(certificate.chain.length, 3)
      })

      await t.test('signatures over all digests, in their order', async (t) => {
        await next('confirm')
        const request = await ask()
        t.ok(request.transactionId)
        const outcome = await ended(request)
        if (outcome.status !== 'signed') throw new Error(JSON.stringify(outcome))
        t.equal(outcome.signatures.length, documents.length)
        for (const [place, { digest, name }] of documents.entries())
          t.ok(await verifies(leaf, digest, outcome.signatures[place] ?? new Uint8Array(0)), name)

        await t.test('are answered again when the token is over', async (t) => {
          world.clock.advance(2 * 3_600_000)
          t.same(await request.outcome(), outcome)
        })
      })

      await t.test('a refusal, and an answer that does not come in time', async (t) => {
        await next('reject')
        t.same(await ended(await ask()), { status: 'refused' })
        await next('ignore')
        const ignored = await ask()
        t.same(await ignored.outcome(), { status: 'waiting' })
        await ignoring()
        world.clock.advance(400_000)
        t.same(await ended(ignored), { status: 'expired' })
      })

      await t.test('mistakes are told with what to do', async (t) => {
        const nobody = { name: `khong-co-${randomUUID()}`, password: asksPassword ? 'sai' : null }
        const unknown = asksPassword ? /không đúng/ : /không biết tên đăng nhập/
        t.match(await said(authority.certificates(nobody)), unknown)
        if (asksPassword) {
          t.match(await said(authority.certificates({ ...login, password: 'sai' })), /mật khẩu .* không đúng/)
          t.match(await said(authority.certificates({ ...login, password: null })), /Hãy nhập mật khẩu/)
          await said(authority.certificates(nobody))
          t.match(await said(authority.certificates(nobody)), /tạm khoá/)
        }
        const stranger = strangers[index]
        const dead = nowhere[index]
        if (stranger === undefined || dead === undefined) throw new Error('not in the list')
        t.match(await said(stranger.certificates(login)), /không chấp nhận kết nối từ cổng này/)
        t.match(await said(dead.certificates(login)), /Không nhận được trả lời.*Hãy thử lại/)
        t.match(await said(ask(dead)), /Không nhận được trả lời/)
      })

      await t.test('of too many requests the signer is told to answer some', async (t) => {
        for (let turn = 0; turn < 5; turn += 1) {
          await next('ignore')
          await ask()
        }
        await ignoring()
        t.match(await said(ask()), /quá nhiều yêu cầu/)
        world.clock.advance(400_000)
      })

      await t.test('an answer that is lost does not ask the signer twice', async (t) => {
        const unreliable = lossy[index]
        if (unreliable === undefined) throw new Error('not in the list')
        const before = await askedSoFar()
        await next('confirm')
        proxy.loseNextAnswer(/\/(signHash|hash|sign|signhash)$/)
        const asking = ask(unreliable)
        if (repeats) t.equal((await ended(await asking)).status, 'signed')
        else t.match(await said(asking), /Không nhận được trả lời/)
        t.equal(proxy.lost(), 1)
        t.equal(await askedSoFar(), before + 1)
      })

      await t.test('a certificate that was suspended is told', async (t) => {
        const path = `/credentials/${await credentialId()}`
        t.equal((await operator.post(`${path}/suspend`)).status, 200)
        t.match(await said(ask()), /hết hạn, bị tạm dừng hoặc bị thu hồi/)
        t.equal((await operator.post(`${path}/resume`)).status, 200)
      })

      await t.test('a signature by another key is not taken', async (t) => {
        const stolen = people[id === 'viettel' ? 'misa' : 'viettel']
        const other = authorities.find((one) => people[one.id] === stolen)
        const [foreign] = (await other?.certificates(stolen.login)) ?? []
        await next('confirm')
        const mixed = { ...certificate, chain: foreign?.chain ?? [] }
        const request = await authority.requestSignatures(login, mixed, documents, 'Ký tờ khai')
        t.match(await ended(request), { status: 'failed', reason: /không khớp/ })
      })

      async function askedSoFar(): Promise<number> {
        const path = `/activations?subscriberId=${subscriberId}&limit=100`
        return (await operator.get<{ items: unknown[] }>(path)).body.items.length
      }

      async function credentialId(): Promise<string> {
        const { body } = await operator.get<{
          credentials: { credentialID: string; serialNumber: string }[]
        }>(`/subscribers/${subscriberId}`)
        const found = body.credentials.find(({ serialNumber }) => serialNumber === certificate?.serialNumber)
        return found?.credentialID ?? ''
      }
    })
  }

  await t.test('signers of two providers sign one document', { skip: without('pdfsig') }, async (t) => {
    let pdf = await makePaymentOrder({
      number: 'UNC-0042',
      madeAt: world.clock.now(),
      unit: { name: 'Trường THCS Sông Lô', code: '1001163', account: '3511.0.9091378', treasuryCode: '0064' },
      payee: { name: 'Công ty TNHH Sách Việt', account: '0011004321', bank: 'Ngân hàng Thử nghiệm' },
      purpose: 'Thanh toán tiền mua sách giáo khoa.',
      lines: [{ content: 'Sách giáo khoa', budgetCode: '6551', amount: 12_500_000 }]
    })
    for (const [place, id] of [
      ['left', 'viettel'],
      ['right', 'vnpt']
    ] as const) {
      const authority = authorities.find((one) => one.id === id)
      const [certificate] = (await authority?.certificates(people[id].login)) ?? []
      if (authority === undefined || certificate === undefined) throw new Error('no certificate')
      const { chain, organisation, commonName, title } = certificate
      const prepared = await preparePades({
        pdf,
        chain,
        signedAt: world.clock.now(),
        organisation: organisation ?? '',
        signer: `${commonName}, ${title}`,
        reason: 'Phê duyệt',
        place
      })
      const document = { name: 'Uỷ nhiệm chi UNC-0042.pdf', digest: prepared.digest }
      const request = await authority.requestSignatures(
        people[id].login,
        certificate,
        [document],
        'Phê duyệt'
      )
      const outcome = await ended(request)
      if (outcome.status !== 'signed') throw new Error(JSON.stringify(outcome))
      pdf = prepared.complete(outcome.signatures[0] ?? new Uint8Array(0))
    }
    t.match(await seenSignatures(pdf), [
      { valid: true, whole: false },
      { valid: true, whole: true }
    ])
  })
})

/** Asks again and again until somebody has answered. */
async function ended(request: SignatureRequest): Promise<SignatureOutcome> {
  for (let turn = 0; turn < 400; turn += 1) {
    const outcome = await request.outcome()
    if (outcome.status !== 'waiting') return outcome
    await sleep(50)
  }
  return { status: 'waiting' }
}
