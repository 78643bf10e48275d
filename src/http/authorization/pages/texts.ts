import type { Language } from '../language.js'

/** Everything the pages say, in one language. */
export interface Texts {
  simulated: string
  simulatedNote: string
  languageName: string
  otherLanguage: { language: Language; name: string }
  loginTitle: string
  wants(relyingParty: string): string
  wantsService: string
  wantsSignatures(count: number): string
  wantsCreation: string
  /** Null: whichever it names later. */
  wantsDeletion(credentialId: string | null): string
  description: string
  documents: string
  document(number: number): string
  anyDocument: string
  digest(hash: string): string
  more(count: number): string
  login: string
  password: string
  noPassword: string
  phoneFollows: string
  continue: string
  cancel: string
  codeTitle: string
  codeSent: string
  code: string
  sendAgain: string
  sentAgain: string
  phoneTitle: string
  phoneText: string
  phoneSteps: readonly string[]
  timeLeft: string
  refresh: string
  returning(relyingParty: string): string
  returnNow: string
  answeredTitle: string
  answeredText: string
  errorTitle: string
  errorText: string
  errorBack: string
  goneTitle: string
  goneText: string
  wrongLogin: string
  wrongCode: string
  locked(seconds: number | undefined): string
  tooMany: string
  notOffered: string
  unavailable: string
}

const vi: Texts = {
  simulated: 'MÔ PHỎNG',
  simulatedNote: 'Dịch vụ mô phỏng. Chữ ký tạo ở đây không có giá trị pháp lý.',
  languageName: 'Tiếng Việt',
  otherLanguage: { language: 'en', name: 'English' },
  loginTitle: 'Đăng nhập',
  wants: (relyingParty) => `${relyingParty} đề nghị:`,
  wantsService: 'Được xem các chứng thư số của bạn và gửi yêu cầu ký số đến điện thoại của bạn.',
  wantsCreation: 'Được tạo một chứng thư số mới đứng tên bạn, theo thông tin bạn đã đăng ký.',
  wantsDeletion: (credentialId) =>
    credentialId === null
      ? 'Được thu hồi vĩnh viễn một chứng thư số của bạn.'
      : `Được thu hồi vĩnh viễn chứng thư số ${credentialId} của bạn.`,
  wantsSignatures: (count) => `Được ký ${count} lần bằng chứng thư số của bạn.`,
  description: 'Nội dung',
  documents: 'Tài liệu',
  document: (number) => `Tài liệu ${number}`,
  anyDocument: 'Chưa nêu tài liệu: số lần ký và thời hạn sẽ hiển thị trên điện thoại của bạn.',
  digest: (hash) => `Giá trị băm ${hash}`,
  more: (count) => `và ${count} tài liệu khác, hiển thị đầy đủ trên điện thoại`,
  login: 'Tên đăng nhập',
  password: 'Mật khẩu',
  noPassword: 'Không cần mật khẩu.',
  phoneFollows: 'Sau khi đăng nhập, bạn xác nhận trên điện thoại đã đăng ký.',
  continue: 'Tiếp tục',
  cancel: 'Hủy',
  codeTitle: 'Nhập mã xác thực',
  codeSent: 'Chúng tôi đã gửi mã gồm 6 chữ số cho bạn. Mã có hiệu lực trong 5 phút.',
  code: 'Mã xác thực',
  sendAgain: 'Gửi lại mã',
  sentAgain: 'Đã gửi lại mã.',
  phoneTitle: 'Mở điện thoại và xác nhận',
  phoneText: 'Yêu cầu ký số đang chờ trên điện thoại đã đăng ký của bạn.',
  phoneSteps: [
    'Mở ứng dụng ký số trên điện thoại.',
    'Kiểm tra nội dung hiển thị có đúng như dưới đây không.',
    'Xác nhận bằng khuôn mặt hoặc vân tay. Nếu không phải bạn yêu cầu, hãy từ chối.'
  ],
  timeLeft: 'Thời gian còn lại',
  refresh: 'Tải lại trang',
  returning: (relyingParty) => `Đang quay lại ${relyingParty}`,
  returnNow: 'Quay lại ngay',
  answeredTitle: 'Đã xong',
  answeredText: 'Yêu cầu này đã được xử lý. Bạn có thể đóng trang này.',
  errorTitle: 'Không thể tiếp tục',
  errorText: 'Ứng dụng đã gửi một yêu cầu không hợp lệ:',
  errorBack: 'Hãy quay lại ứng dụng và thử lại, hoặc báo cho đơn vị cung cấp ứng dụng.',
  goneTitle: 'Trang không còn hiệu lực',
  goneText: 'Yêu cầu đã kết thúc hoặc được mở ở trình duyệt khác. Hãy quay lại ứng dụng và bắt đầu lại.',
  wrongLogin: 'Tên đăng nhập hoặc mật khẩu không đúng.',
  wrongCode: 'Mã không đúng hoặc đã hết hiệu lực.',
  locked: (seconds) =>
    seconds === undefined
      ? 'Đăng nhập sai quá nhiều lần. Hãy thử lại sau.'
      : `Đăng nhập sai quá nhiều lần. Hãy thử lại sau ${Math.ceil(seconds / 60)} phút.`,
  tooMany: 'Có quá nhiều yêu cầu. Hãy thử lại sau ít phút.',
  notOffered: 'Hiện không thể gửi mã xác thực.',
  unavailable: 'Dịch vụ tạm thời gián đoạn. Hãy thử lại sau ít phút.'
}

const en: Texts = {
  simulated: 'SIMULATED',
  simulatedNote: 'A simulated service. Signatures made here have no legal value.',
  languageName: 'English',
  otherLanguage: { language: 'vi', name: 'Tiếng Việt' },
  loginTitle: 'Log in',
  wants: (relyingParty) => `${relyingParty} asks:`,
  wantsService: 'To see your certificates and to send requests for signatures to your phone.',
  wantsCreation: 'To make a new certificate in your name, by what you are registered with.',
  wantsDeletion: (credentialId) =>
    credentialId === null
      ? 'To revoke one of your certificates for good.'
      : `To revoke your certificate ${credentialId} for good.`,
  wantsSignatures: (count) => `To sign ${count === 1 ? 'once' : `${count} times`} with your certificate.`,
  description: 'Description',
  documents: 'Documents',
  document: (number) => `Document ${number}`,
  anyDocument: 'No documents are named: your phone will show how many signatures, and until when.',
  digest: (hash) => `${hash} digest`,
  more: (count) => `and ${count} more, which your phone shows in full`,
  login: 'Login name',
  password: 'Password',
  noPassword: 'No password is needed.',
  phoneFollows: 'After logging in you confirm on your registered phone.',
  continue: 'Continue',
  cancel: 'Cancel',
  codeTitle: 'Enter the code',
  codeSent: 'We have sent you a code of 6 digits. It is good for 5 minutes.',
  code: 'Code',
  sendAgain: 'Send another code',
  sentAgain: 'Another code was sent.',
  phoneTitle: 'Open your phone and confirm',
  phoneText: 'The request is waiting on your registered phone.',
  phoneSteps: [
    'Open the signing app on your phone.',
    'Check that it shows what is shown below.',
    'Confirm with your face or finger. If it was not you who asked, reject it.'
  ],
  timeLeft: 'Time left',
  refresh: 'Reload the page',
  returning: (relyingParty) => `Going back to ${relyingParty}`,
  returnNow: 'Go back now',
  answeredTitle: 'Done',
  answeredText: 'This request has been answered. You can close this page.',
  errorTitle: 'This cannot go on',
  errorText: 'The application sent a request that is not valid:',
  errorBack: 'Go back to the application and try again, or tell its provider.',
  goneTitle: 'This page is no longer valid',
  goneText:
    'The request has ended, or was opened in another browser. Go back to the application and start again.',
  wrongLogin: 'The login name or the password is wrong.',
  wrongCode: 'The code is wrong, or too old.',
  locked: (seconds) =>
    seconds === undefined
      ? 'Too many wrong attempts. Try again later.'
      : `Too many wrong attempts. Try again in ${Math.ceil(seconds / 60)} min.`,
  tooMany: 'There are too many requests. Try again in a few minutes.',
  notOffered: 'A code cannot be sent at present.',
  unavailable: 'The service is interrupted. Try again in a few minutes.'
}

export const texts: Readonly<Record<Language, Texts>> = { vi, en }
