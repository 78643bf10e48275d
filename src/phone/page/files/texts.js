/**
 * Everything the page says, in both languages.
 * @typedef {'vi' | 'en'} Language
 */

const vi = {
  title: 'Xác nhận ký số',
  simulated: 'Mô phỏng: mọi tổ chức, người và chứng thư ở đây đều không có thật.',
  enrolTitle: 'Đăng ký thiết bị này',
  enrolIntro: 'Nhập mã kích hoạt mà tổ chức chứng thực đã cấp cho bạn.',
  code: 'Mã kích hoạt',
  codeHint: '16 ký tự, dùng một lần, trong 24 giờ.',
  deviceName: 'Tên thiết bị',
  deviceNameDefault: 'Điện thoại của tôi',
  recognition: 'Thiết bị nhận ra bạn bằng',
  face: 'Khuôn mặt',
  fingerprint: 'Vân tay',
  simulatedRecognition: 'Sinh trắc học mô phỏng (không kiểm tra gì)',
  recognitionHint: 'Chọn cách mà khóa màn hình của thiết bị này đang dùng.',
  recognitionMissing:
    'Trình duyệt này không kiểm tra được khuôn mặt hay vân tay tại địa chỉ này. Hãy mở trang tại',
  enrol: 'Đăng ký',
  enrolling: 'Đang đăng ký…',
  scan: 'Quét mã QR',
  scanStop: 'Dừng quét',
  scanView: 'Hình từ máy ảnh',
  scanFailed: 'Không dùng được máy ảnh.',
  waitingTitle: 'Đang chờ bạn xác nhận',
  nothing: 'Không có yêu cầu nào.',
  recentTitle: 'Vừa kết thúc',
  connecting: 'Đang kết nối…',
  connected: 'Đã kết nối',
  disconnected: 'Mất kết nối, đang thử lại…',
  asksFor: 'đề nghị bạn ký',
  asksSession: 'đề nghị một phiên ký: tài liệu chưa được nêu trước',
  asksDevice: 'đề nghị thêm một thiết bị có quyền xác nhận thay bạn',
  signatures: 'Số chữ ký',
  timeLeft: 'Còn lại',
  documents: 'Tài liệu',
  digest: 'Giá trị băm',
  everything: 'Toàn bộ nội dung được xác nhận',
  confirm: 'Xác nhận',
  confirming: 'Đang xác nhận…',
  reject: 'Từ chối',
  tampered:
    'Nội dung hiển thị không khớp với nội dung cần ký. Không xác nhận được; hãy từ chối và báo cho tổ chức chứng thực.',
  notRecognised: 'Chưa nhận ra bạn. Yêu cầu vẫn đang chờ.',
  newChallenge: 'Có yêu cầu mới từ',
  remove: 'Gỡ thiết bị này',
  removeQuestion: 'Gỡ thiết bị này? Nó sẽ không xác nhận được nữa; muốn dùng lại cần mã kích hoạt mới.',
  removed: 'Thiết bị này đã bị gỡ. Cần mã kích hoạt mới.',
  cancel: 'Hủy',
  promptTitle: 'Sinh trắc học mô phỏng',
  promptText: 'Không có khuôn mặt hay vân tay nào được kiểm tra. Chỉ có khi SIMULATION=on.',
  promptFace: 'Khuôn mặt khớp',
  promptFinger: 'Vân tay khớp',
  promptNo: 'Không nhận ra',
  otherLanguage: 'English',
  failed: 'Không thực hiện được',
  states: {
    confirmed: 'Đã xác nhận',
    spent: 'Đã ký xong',
    rejected: 'Đã từ chối',
    expired: 'Đã hết hạn',
    cancelled: 'Đã hủy'
  },
  problems: {
    activation_code_invalid: 'Mã kích hoạt sai, đã dùng hoặc hết hạn.',
    consent_required:
      'Cần sự đồng ý trên một thiết bị đã đăng ký của bạn. Hãy đồng ý ở đó rồi bấm Đăng ký lần nữa.',
    too_many_requests: 'Thử quá nhiều lần. Hãy đợi một phút.',
    challenge_ended: 'Yêu cầu này đã kết thúc.',
    biometric_token_refused: 'Máy chủ không chấp nhận xác nhận này.',
    not_found: 'Yêu cầu này không còn nữa.'
  },
  members: {
    id: 'Mã yêu cầu',
    kind: 'Loại',
    audience: 'Nơi nhận',
    clientId: 'Mã bên đề nghị',
    relyingParty: 'Bên đề nghị',
    credentialID: 'Chứng thư số',
    hashAlgorithmOID: 'Thuật toán băm (OID)',
    description: 'Nội dung',
    numSignatures: 'Số chữ ký',
    validUntil: 'Phiên ký hết hạn lúc',
    nonce: 'Số ngẫu nhiên',
    createdAt: 'Gửi lúc',
    expiresAt: 'Hết hạn lúc'
  }
}

/** @type {typeof vi} */
const en = {
  title: 'Confirm signatures',
  simulated: 'Simulated: every authority, person and certificate here is made up.',
  enrolTitle: 'Enrol this device',
  enrolIntro: 'Enter the activation code that the certification authority gave you.',
  code: 'Activation code',
  codeHint: '16 characters, good once, within 24 hours.',
  deviceName: 'Name of the device',
  deviceNameDefault: 'My phone',
  recognition: 'This device recognises you by',
  face: 'Face',
  fingerprint: 'Fingerprint',
  simulatedRecognition: 'Simulated biometrics (nothing is checked)',
  recognitionHint: 'Choose what the screen lock of this device uses.',
  recognitionMissing: 'This browser cannot check a face or finger at this address. Open the page at',
  enrol: 'Enrol',
  enrolling: 'Enrolling…',
  scan: 'Scan a QR code',
  scanStop: 'Stop scanning',
  scanView: 'Picture from the camera',
  scanFailed: 'The camera cannot be used.',
  waitingTitle: 'Waiting for you',
  nothing: 'Nothing is waiting.',
  recentTitle: 'Just ended',
  connecting: 'Connecting…',
  connected: 'Connected',
  disconnected: 'Connection lost, trying again…',
  asksFor: 'asks you to sign',
  asksSession: 'asks for a signing session: documents are not named beforehand',
  asksDevice: 'asks to add a device that may confirm for you',
  signatures: 'Signatures',
  timeLeft: 'Time left',
  documents: 'Documents',
  digest: 'Digest',
  everything: 'All that is confirmed',
  confirm: 'Confirm',
  confirming: 'Confirming…',
  reject: 'Reject',
  tampered:
    'What is shown is not what would be signed. It cannot be confirmed; reject it and tell the certification authority.',
  notRecognised: 'You were not recognised. The request waits on.',
  newChallenge: 'New request from',
  remove: 'Remove this device',
  removeQuestion: 'Remove this device? It can confirm no more; to use it again takes a new activation code.',
  removed: 'This device was removed. It needs a new activation code.',
  cancel: 'Cancel',
  promptTitle: 'Simulated biometrics',
  promptText: 'No face or finger is checked. This exists only with SIMULATION=on.',
  promptFace: 'Face matches',
  promptFinger: 'Finger matches',
  promptNo: 'Not recognised',
  otherLanguage: 'Tiếng Việt',
  failed: 'This did not work',
  states: {
    confirmed: 'Confirmed',
    spent: 'Signed',
    rejected: 'Rejected',
    expired: 'Expired',
    cancelled: 'Cancelled'
  },
  problems: {
    activation_code_invalid: 'The activation code is wrong, used or expired.',
    consent_required: 'A device you have registered must consent. Do so there, then press Enrol again.',
    too_many_requests: 'Too many attempts. Wait a minute.',
    challenge_ended: 'This request has ended.',
    biometric_token_refused: 'The server does not accept this confirmation.',
    not_found: 'This request is no longer there.'
  },
  members: {
    id: 'Request',
    kind: 'Kind',
    audience: 'Audience',
    clientId: 'Relying party id',
    relyingParty: 'Relying party',
    credentialID: 'Credential',
    hashAlgorithmOID: 'Hash algorithm (OID)',
    description: 'Description',
    numSignatures: 'Signatures',
    validUntil: 'Session ends',
    nonce: 'Nonce',
    createdAt: 'Asked',
    expiresAt: 'Ends'
  }
}

const languageKey = 'kyso-language'
/** @type {Language} */
let language =
  localStorage.getItem(languageKey) === 'en' ||
  (localStorage.getItem(languageKey) === null && navigator.language.startsWith('en'))
    ? 'en'
    : 'vi'

/** The texts of the language now chosen. */
export const say = () => (language === 'vi' ? vi : en)

/** @returns {Language} */
export const chosenLanguage = () => language

/** Goes to the other language, also for the next visit. */
export function switchLanguage() {
  language = language === 'vi' ? 'en' : 'vi'
  localStorage.setItem(languageKey, language)
}

/**
 * A text by a name that came from outside.
 * @param {Record<string, string>} texts
 * @param {string} name
 * @returns {string | null}
 */
export const textOf = (texts, name) => (Object.hasOwn(texts, name) ? (texts[name] ?? null) : null)
