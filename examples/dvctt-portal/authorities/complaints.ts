import { AuthorityError } from './remote-authority.js'

/** What the person at the portal is told, by what went wrong. Every sentence says what to do next. */
const sentences = {
  unreachable: (label: string) => `Không nhận được trả lời từ ${label}. Hãy thử lại sau ít phút.`,
  unexpected: (label: string) =>
    `${label} trả lời không đúng như tài liệu kết nối. Hãy báo cho quản trị viên của cổng.`,
  clientRefused: (label: string) =>
    `${label} không chấp nhận kết nối từ cổng này. Hãy báo cho quản trị viên của cổng kiểm tra mã và khoá kết nối.`,
  loginUnknown: (label: string) =>
    `${label} không biết tên đăng nhập này hoặc người này chưa có chứng thư số. Hãy kiểm tra lại tên đăng nhập.`,
  passwordMissing: (label: string) => `Hãy nhập mật khẩu chứng thư số của ${label}.`,
  passwordWrong: (label: string) =>
    `Tên đăng nhập hoặc mật khẩu tại ${label} không đúng. Hãy kiểm tra và nhập lại; sai nhiều lần sẽ bị tạm khoá.`,
  loginLocked: (label: string) =>
    `Tài khoản tại ${label} đang bị tạm khoá vì nhập sai nhiều lần. Hãy đợi 5 phút rồi thử lại.`,
  codeAsked: (label: string) =>
    `Tài khoản này bật xác thực hai lớp khi đăng nhập, cổng mẫu chưa hỗ trợ. Hãy dùng tài khoản ${label} khác.`,
  loginAgain: (label: string) => `Phiên làm việc với ${label} đã hết. Hãy đăng nhập và ký lại.`,
  certificateMissing: (label: string) =>
    `Không có chứng thư số nào dùng được tại ${label} cho tên đăng nhập này. Hãy kiểm tra lại hoặc liên hệ nhà cung cấp.`,
  certificateUnusable: (label: string) =>
    `Chứng thư số đã hết hạn, bị tạm dừng hoặc bị thu hồi. Hãy liên hệ ${label}, rồi đăng ký thay đổi với Kho bạc.`,
  tooManyWaiting: (label: string) =>
    `Có quá nhiều yêu cầu đang chờ. Hãy xác nhận hoặc từ chối chúng trong ứng dụng ${label}, rồi thử lại.`
} as const

export type Complaint = keyof typeof sentences

/** @param label Of the authority. @param detail What it answered, for the log. */
export const complain = (label: string, complaint: Complaint, detail: string): AuthorityError =>
  new AuthorityError(sentences[complaint](label), detail)

/** No answer came, or none that decides: what was asked may have been done, or not. */
export class NoAnswer extends AuthorityError {
  constructor(label: string, detail: string) {
    super(sentences.unreachable(label), detail)
    this.name = 'NoAnswer'
  }
}
