import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { amountInWords, shownAmount } from '../../examples/dvctt-portal/pdf/amounts.js'
import { makeDeclarations } from '../../examples/dvctt-portal/pdf/declarations.js'
import { makePaymentOrder } from '../../examples/dvctt-portal/pdf/dossier.js'
import { type PadesRequest, preparePades } from '../../examples/dvctt-portal/pdf/pades.js'
import { seenSignatures, textOf, without } from '../documents/judges.js'
import { signersOf } from './openssl-signers.js'

const run = promisify(execFile)
const signedAt = new Date('2023-12-17T08:06:19Z')
const organisation = 'Trường THCS Sông Lô'
const unit = { name: organisation, code: '1001163', treasuryCode: '0064' }
const order = {
  number: 'UNC-0042',
  madeAt: signedAt,
  unit: { ...unit, account: '3511.0.9091378' },
  payee: { name: 'Công ty TNHH Sách Việt', account: '0011004321', bank: 'Ngân hàng Thử nghiệm' },
  purpose: 'Thanh toán tiền mua sách giáo khoa học kỳ II.',
  lines: [
    { content: 'Sách giáo khoa lớp 6', budgetCode: '6551', amount: 12_500_000 },
    { content: 'Sách giáo khoa lớp 7', budgetCode: '6551', amount: 9_004_005 }
  ]
}

t.test('documents of the portal, signed by several people', async (t) => {
  const [accountant, holder] = await signersOf(t, ['Nguyễn Văn An', 'Trần Thị Bình'])
  if (accountant === undefined || holder === undefined) throw new Error('signers are missing')
  const asked = (changes: Pick<PadesRequest, 'pdf' | 'chain' | 'place' | 'signer'>): PadesRequest => ({
    signedAt,
    organisation,
    reason: 'Phê duyệt',
    ...changes
  })
  const first = (pdf: Uint8Array) =>
    asked({ pdf, chain: accountant.chain, place: 'left', signer: 'Nguyễn Văn An, Kế toán trưởng' })
  const second = (pdf: Uint8Array) =>
    asked({ pdf, chain: holder.chain, place: 'right', signer: 'Trần Thị Bình, Chủ tài khoản' })

  await t.test(
    'two signatures stand in one file, and both are valid',
    { skip: without('pdfsig') },
    async (t) => {
      const original = await makePaymentOrder(order)
      const byAccountant = await preparePades(first(original))
      const once = byAccountant.complete(await accountant.sign(byAccountant.digest))
      t.same(await seenSignatures(once), [
        { field: 'Signature1', type: 'ETSI.CAdES.detached', valid: true, whole: true }
      ])
      const byHolder = await preparePades(second(once))
      const twice = byHolder.complete(await holder.sign(byHolder.digest))
      t.same(await seenSignatures(twice), [
        { field: 'Signature1', type: 'ETSI.CAdES.detached', valid: true, whole: false },
        { field: 'Signature2', type: 'ETSI.CAdES.detached', valid: true, whole: true }
      ])
      t.ok(Buffer.from(once).subarray(0, original.length).equals(original), 'what was there is a prefix')
      t.ok(Buffer.from(twice).subarray(0, once.length).equals(once), 'and again')

      await t.test('the CMS has its three signed attributes, and openssl verifies it', async (t) => {
        const { printed, verified } = await cmsSeen(twice, holder.chain)
        t.match(verified, /Verification successful/)
        const attributes = printed.slice(
          printed.indexOf('signedAttrs:'),
          printed.indexOf('signatureAlgorithm:')
        )
        t.same(
          [...attributes.matchAll(/object: \S+ \(([\d.]+)\)\n +(?:value\.)?set:/g)].map(([, oid]) => oid),
          ['1.2.840.113549.1.9.3', '1.2.840.113549.1.9.4', '1.2.840.113549.1.9.16.2.47'],
          'and no signing time'
        )
        t.match(Buffer.from(twice).toString('latin1'), "/M (D:20231217150619+07'00')")
      })

      await t.test('readers see who signed, for whom and when', async (t) => {
        const text = (await textOf(twice)).normalize('NFC')
        for (const line of [
          'Ký bởi: Nguyễn Văn An, Kế toán trưởng',
          'Ký bởi: Trần Thị Bình, Chủ tài khoản',
          'Cơ quan: Trường THCS Sông Lô',
          'Thời gian ký: 17-12-2023 15:06:19 +07:00',
          'Bằng chữ: Hai mươi mốt triệu năm trăm linh bốn nghìn không trăm linh năm đồng.'
        ])
          t.ok(text.includes(line), line)
      })
    }
  )

  await t.test('a signature by another key is not put in', async (t) => {
    const prepared = await preparePades(first(await makePaymentOrder(order)))
    t.equal(prepared.digest.length, 32)
    const foreign = await holder.sign(prepared.digest)
    t.throws(() => prepared.complete(foreign), /not made by the key/)
    const early = await preparePades(first(await makePaymentOrder({ ...order, number: 'UNC-0043' })))
    const other = await accountant.sign(early.digest)
    t.throws(() => prepared.complete(other), /not made by the key/)
    t.throws(() => prepared.complete(new Uint8Array(0)), /not made by the key/)
  })

  await t.test(
    'a long organisation is shown smaller, and whole',
    { skip: without('pdftotext') },
    async (t) => {
      const long =
        'Ban Quản lý dự án đầu tư xây dựng các công trình giao thông và nông nghiệp tỉnh Bình Phước'
      const prepared = await preparePades({
        ...first(await makePaymentOrder(order)),
        organisation: `${long}, ${long}`
      })
      const text = await textOf(prepared.complete(await accountant.sign(prepared.digest)))
      t.ok(text.normalize('NFC').replace(/\s+/g, ' ').includes(`Cơ quan: ${long}, ${long}`))
    }
  )

  await t.test('files of other producers are signed as well', { skip: without('pdfsig') }, async (t) => {
    for (const path of [
      'test/documents/object-streams.pdf',
      'examples/documents/tokhaidangkysudungdvc.pdf'
    ]) {
      const original = await readFile(path)
      const prepared = await preparePades(first(original))
      const signed = Buffer.from(prepared.complete(await accountant.sign(prepared.digest)))
      t.match(await seenSignatures(signed), [{ valid: true, whole: true }], path)
      const hasTable = signed.subarray(original.length).includes('\nxref\n')
      t.equal(hasTable, original.includes('\nxref\n'), 'the revision is listed as the one before it')
      t.ok(signed.subarray(0, original.length).equals(original))
    }
    await t.rejects(preparePades(first(Buffer.from('no PDF'))), Error)
  })

  await t.test(
    'both declarations are signed by the account holder',
    { skip: without('pdfsig') },
    async (t) => {
      const certificate = {
        provider: 'VNPT SMART CA',
        serialNumber: '5401012A',
        notBefore: signedAt,
        notAfter: signedAt
      }
      const documents = await makeDeclarations({
        number: '1001163220526154946',
        kind: 'Đăng ký mới',
        unit: { ...unit, phone: '0912345678', email: 'songlo@example.vn' },
        accounts: ['3511.0.9091378'],
        services: ['Giao nhận và trả kết quả hồ sơ kiểm soát chi qua mạng'],
        members: Array.from({ length: 40 }, (_, index) => ({
          fullName: `Trần Thị Bình ${index + 1}`,
          role: 'Chủ tài khoản',
          email: 'binh@example.vn',
          phone: '0912345678',
          certificate: index === 0 ? null : { kind: 'remote', ...certificate }
        })),
        declaredAt: signedAt
      })
      t.same(
        documents.map(({ name }) => name),
        ['tokhaidangkysudungdvc.pdf', 'tokhaidangkysudungdidong.pdf']
      )
      for (const { name, pdf } of documents) {
        const prepared = await preparePades(second(pdf))
        const signed = prepared.complete(await holder.sign(prepared.digest))
        t.match(await seenSignatures(signed), [{ valid: true, whole: true }], name)
      }
    }
  )
})

t.test('sums of money are written as figures and words', async (t) => {
  const known: [amount: number, figures: string, words: string][] = [
    [0, '0', 'Không'],
    [15, '15', 'Mười lăm'],
    [21, '21', 'Hai mươi mốt'],
    [105, '105', 'Một trăm linh năm'],
    [1_000_000, '1.000.000', 'Một triệu'],
    [1_234_554, '1.234.554', 'Một triệu hai trăm ba mươi tư nghìn năm trăm năm mươi tư'],
    [10_000_011, '10.000.011', 'Mười triệu không trăm mười một'],
    [2_000_500_000, '2.000.500.000', 'Hai tỷ năm trăm nghìn']
  ]
  for (const [amount, figures, words] of known)
    t.same([shownAmount(amount), amountInWords(amount)], [figures, words])
  for (const wrong of [-1, 0.5, Number.NaN, 1e12]) t.throws(() => shownAmount(wrong), RangeError)
})

/** What openssl says of the last signature of a PDF: its parts, and whether it verifies over the byte range. */
async function cmsSeen(
  pdf: Uint8Array,
  [, authority]: readonly [Uint8Array, Uint8Array]
): Promise<{ printed: string; verified: string }> {
  const octets = Buffer.from(pdf)
  const text = octets.toString('latin1')
  const [, before = '', after = ''] =
    /\/ByteRange \[ 0 (\d+) (\d+) \d+/.exec(text.slice(text.lastIndexOf('/ByteRange'))) ?? []
  const cms = Buffer.from(text.slice(Number(before) + 1, Number(after) - 1), 'hex')
  const folder = await mkdtemp(join(tmpdir(), 'kyso-cms-'))
  try {
    const covered = Buffer.concat([octets.subarray(0, Number(before)), octets.subarray(Number(after))])
    await writeFile(join(folder, 'cms.der'), cms.subarray(0, 4 + cms.readUInt16BE(2)))
    await writeFile(join(folder, 'covered'), covered)
    await writeFile(join(folder, 'ca.pem'), new X509Certificate(authority).toString())
    const inForm = ['-in', 'cms.der', '-inform', 'DER']
    const { stdout: printed } = await run('openssl', ['cms', '-cmsout', '-print', '-noout', ...inForm], {
      cwd: folder
    })
    const how = ['-binary', '-content', 'covered', '-CAfile', 'ca.pem', '-purpose', 'any', '-out', 'content']
    const { stderr } = await run('openssl', ['cms', '-verify', ...inForm, ...how], { cwd: folder })
    return { printed, verified: stderr }
  } finally {
    await rm(folder, { recursive: true })
  }
}
