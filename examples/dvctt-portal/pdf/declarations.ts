/** The two declarations by which a unit registers for the Treasury's online services; its account holder signs them. */
import { facts, letterhead, section, table, title } from './parts.js'
import { Sheet } from './sheet.js'
import { shownDate, shownTime } from './times.js'

/** A certificate by which a member signs. */
export interface DeclaredCertificate {
  /** "Remote CA" or "USB token", and for the former whose: as the portal's list has it. */
  kind: 'remote' | 'token'
  provider: string | null
  /** Upper-case hexadecimal. */
  serialNumber: string
  notBefore: Date
  notAfter: Date
}

export interface DeclaredMember {
  fullName: string
  /** In Vietnamese, such as `Kế toán trưởng`. */
  role: string
  email: string
  phone: string
  /** Null for an accountant, who does not sign. */
  certificate: DeclaredCertificate | null
}

/** What is declared. Texts are shown as they are. */
export interface Declaration {
  /** Number of the dossier. */
  number: string
  /** Such as `Đăng ký mới` or `Đăng ký thay đổi sử dụng DVC`. */
  kind: string
  unit: { name: string; code: string; treasuryCode: string; phone: string; email: string }
  accounts: readonly string[]
  services: readonly string[]
  members: readonly DeclaredMember[]
  declaredAt: Date
}

/** A document by the name that the portal gives it. */
export interface NamedPdf {
  name: string
  pdf: Uint8Array
}

/** Both declarations, in the order in which they are signed. */
export async function makeDeclarations(declaration: Declaration): Promise<NamedPdf[]> {
  return [
    { name: 'tokhaidangkysudungdvc.pdf', pdf: await serviceDeclaration(declaration) },
    { name: 'tokhaidangkysudungdidong.pdf', pdf: await mobileDeclaration(declaration) }
  ]
}

/** "Tờ khai đăng ký sử dụng dịch vụ công". */
async function serviceDeclaration(declaration: Declaration): Promise<Uint8Array> {
  const { accounts, services, members } = declaration
  const sheet = await begin(declaration, 'TỜ KHAI ĐĂNG KÝ SỬ DỤNG DỊCH VỤ CÔNG TRỰC TUYẾN')
  unitSection(sheet, declaration)
  section(sheet, '2. Tài khoản của đơn vị tại Kho bạc Nhà nước')
  table(
    sheet,
    [
      { title: 'STT', share: 10, align: 'center' },
      { title: 'Số tài khoản', share: 90 }
    ],
    accounts.map((account, index) => [`${index + 1}`, account])
  )
  section(sheet, '3. Dịch vụ đăng ký')
  for (const service of services) sheet.write(`- ${service}`)
  section(sheet, '4. Thành viên và chứng thư số')
  table(
    sheet,
    [
      { title: 'Họ và tên', share: 22 },
      { title: 'Vai trò', share: 18 },
      { title: 'Hình thức ký', share: 20 },
      { title: 'Số hiệu chứng thư số', share: 24 },
      { title: 'Hiệu lực', share: 16 }
    ],
    members.map(({ fullName, role, certificate }) => [fullName, role, ...certificateCells(certificate)])
  )
  section(sheet, '5. Cam kết')
  sheet.write(
    'Đơn vị chịu trách nhiệm về tính chính xác của các thông tin đã khai. Tại một thời điểm, đơn vị chỉ sử dụng một ' +
      'hình thức: ký số từ xa hoặc USB token. Khi thay đổi chứng thư số của Kế toán trưởng hoặc Chủ tài khoản, đơn vị ' +
      'đăng ký thay đổi với Kho bạc Nhà nước trước khi sử dụng.'
  )
  return finish(sheet)
}

/** "Tờ khai đăng ký sử dụng trên thiết bị di động". */
async function mobileDeclaration(declaration: Declaration): Promise<Uint8Array> {
  const sheet = await begin(declaration, 'TỜ KHAI ĐĂNG KÝ SỬ DỤNG TRÊN THIẾT BỊ DI ĐỘNG')
  unitSection(sheet, declaration)
  section(sheet, '2. Người sử dụng trên thiết bị di động')
  table(
    sheet,
    [
      { title: 'Họ và tên', share: 26 },
      { title: 'Vai trò', share: 20 },
      { title: 'Số điện thoại', share: 18 },
      { title: 'Thư điện tử', share: 36 }
    ],
    declaration.members.map(({ fullName, role, phone, email }) => [fullName, role, phone, email])
  )
  section(sheet, '3. Cam kết')
  sheet.write(
    'Người sử dụng giữ an toàn thiết bị di động đã đăng ký, tự mình xác thực bằng khuôn mặt hoặc vân tay cho mỗi lần ký, và ' +
      'báo ngay cho nhà cung cấp và Kho bạc Nhà nước khi mất thiết bị.'
  )
  return finish(sheet)
}

async function begin({ unit, number, declaredAt }: Declaration, heading: string): Promise<Sheet> {
  const sheet = await Sheet.create(heading, declaredAt)
  letterhead(sheet, { name: unit.name, under: `Mã ĐVQHNS: ${unit.code}` })
  title(sheet, heading, `Kính gửi: Kho bạc Nhà nước, mã KBNN ${unit.treasuryCode}`)
  sheet.write(`Số hồ sơ: ${number}. Lập lúc: ${shownTime(declaredAt)}.`, { align: 'center', size: 9 })
  return sheet
}

function unitSection(sheet: Sheet, { unit, kind }: Declaration): void {
  section(sheet, '1. Đơn vị đăng ký')
  facts(sheet, [
    ['Tên đơn vị', unit.name],
    ['Mã đơn vị quan hệ ngân sách (ĐVQHNS)', unit.code],
    ['Kho bạc Nhà nước nơi giao dịch', unit.treasuryCode],
    ['Điện thoại', unit.phone],
    ['Thư điện tử', unit.email],
    ['Loại đăng ký', kind]
  ])
}

function certificateCells(certificate: DeclaredCertificate | null): string[] {
  if (certificate === null) return ['Không ký số', '', '']
  const { kind, provider, serialNumber, notBefore, notAfter } = certificate
  return [
    kind === 'token' ? 'USB token' : `Remote CA: ${provider ?? ''}`,
    // With spaces a long number breaks across lines.
    serialNumber.replace(/(.{4})(?=.)/g, '$1 '),
    `${shownDate(notBefore)} đến ${shownDate(notAfter)}`
  ]
}

function finish(sheet: Sheet): Promise<Uint8Array> {
  sheet.signers({ right: 'Chủ tài khoản' })
  return sheet.save()
}
