/** One press of "Phê duyệt": what is signed, how it stands, how it ended. */
import type { AuthorityId, SignatureOutcome } from '../authorities/remote-authority.js'
import type { PadesRequest } from '../pdf/pades.js'
import type { Member, RemoteMeans } from './people.js'
import type { MadeSignature, PdfFile } from './registration.js'

export type ApprovalState = 'asking' | 'waiting' | 'signed' | 'refused' | 'expired' | 'failed'

/** One press of "Phê duyệt", as its page shows it. */
export interface Approval {
  readonly id: string
  /** Number of the dossier. */
  readonly number: string
  readonly signer: string
  readonly roleLabel: string
  readonly authorityLabel: string
  readonly description: string
  readonly startedAt: Date
  state: ApprovalState
  /** Digests as the phone shows them: base64. */
  documents: readonly { name: string; digestBase64: string }[]
  /** For the person, when it has ended; empty before. */
  message: string
}

/** What is to be signed, and what becomes of it. */
export interface SigningTask {
  number: string
  description: string
  reason: string
  place: PadesRequest['place']
  /** Who may sign now, by what they typed in. @throws Refusal */
  signer(who: { authority: AuthorityId; login: string }): Member & { means: RemoteMeans }
  /** As they are before this signature. */
  documents(): readonly PdfFile[]
  /** Takes the signed documents; all it checks and changes happens in one go. @throws Refusal */
  accept(documents: readonly PdfFile[], signature: MadeSignature): void
}

/** What an answer of the provider means for the person, where it is no signature. */
export function endingOf(outcome: Exclude<SignatureOutcome, { status: 'signed' }>): [ApprovalState, string] {
  switch (outcome.status) {
    case 'refused':
      return ['refused', 'Người ký đã từ chối trên điện thoại. Hồ sơ giữ nguyên; có thể ký lại.']
    case 'failed':
      return ['failed', `${outcome.reason} Hồ sơ giữ nguyên; có thể ký lại.`]
    default:
      return ['expired', 'Đã hết thời gian chờ xác nhận trên điện thoại. Hồ sơ giữ nguyên; có thể ký lại.']
  }
}
