import { type Credential, type CredentialStatus, credentialStatus } from '../../../enrolment/enrolment.js'

/** §3.1.1 knows the first alone; the others are ours. */
const certificateStatusTexts: Readonly<Record<CredentialStatus, string>> = {
  active: 'Đang hoạt động',
  issued: 'Chưa kích hoạt',
  suspended: 'Tạm dừng',
  revoked: 'Đã thu hồi',
  expired: 'Hết hạn'
}

/** `cert_status` of a credential. */
export const certificateStatusText = (credential: Credential, now: Date): string =>
  certificateStatusTexts[credentialStatus(credential, now)]
