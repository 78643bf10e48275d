/** What there is to sign in a registration and in a payment dossier, for `approvals.ts`. Each looks at the record anew. */
import type { Store } from '../store.js'
import type { SigningTask } from './approval.js'
import { nextSeat, notTwice, type Payment, mustBe as paymentMustBe, signed } from './payment.js'
import { seatLabels, signersOf } from './people.js'
import { Refusal } from './refusal.js'
import { declared, mustBe, type Registration } from './registration.js'
import { signerFor, validNow } from './rules.js'

/** The account holder, or the deputy, signs both declarations by one confirmation. */
export function declarationsTask(store: Store, number: string, now: () => Date): SigningTask {
  const current = (): Registration => found(store.registrations.find(number))
  return {
    number,
    description: `Tờ khai đăng ký sử dụng DVC, hồ sơ ${number}`,
    reason: 'Đăng ký sử dụng dịch vụ công trực tuyến',
    place: 'right',
    signer(who) {
      const registration = current()
      mustBe(registration, 'awaitingApproval')
      return signerFor(registration.members, 'accountHolder', who)
    },
    documents: () => current().declarations,
    accept(documents, signature) {
      const registration = current()
      const signer = registration.members.find(({ id }) => id === signature.memberId)
      if (signer?.means?.kind === 'remote') validNow(signer.means.certificate, now())
      store.registrations.put(declared(registration, documents, signature))
    }
  }
}

/** @param accountHolderId Whom the chief accountant chose to sign next; null where the account holder signs. */
export function paymentTask(
  store: Store,
  number: string,
  accountHolderId: string | null,
  now: () => Date
): SigningTask {
  const current = (): Payment => found(store.payments.find(number))
  const turn = () => {
    const seat = nextSeat(current())
    if (seat === null) {
      paymentMustBe(current(), 'awaitingChiefAccountant')
      throw new Refusal('order', 'Hồ sơ này không chờ ai ký.')
    }
    return seat
  }
  const members = () => {
    const inForce = store.inForce(current().unitCode)
    return found(inForce).members
  }
  const first = current()
  const seat = turn()
  return {
    number,
    description: `Hồ sơ thanh toán ${number}: ${first.purpose}`.slice(0, 200),
    reason: `Phê duyệt hồ sơ thanh toán (${seatLabels[seat]})`,
    place: seat === 'chiefAccountant' ? 'left' : 'right',
    signer(who) {
      const signer = signerFor(members(), turn(), who)
      notTwice(current(), signer.means.certificate.serialNumber)
      if (turn() === 'chiefAccountant') {
        const chosen = signersOf(members(), 'accountHolder').some(({ id }) => id === accountHolderId)
        if (!chosen) throw new Refusal('order', 'Hãy chọn Chủ tài khoản sẽ ký tiếp theo.')
      }
      return signer
    },
    documents: () => [current().document],
    accept([document], signature) {
      if (document === undefined) throw new RangeError('one document is signed')
      // A change may have been approved meanwhile: whoever signed has to be a signer still, by this certificate (R7).
      const still = signersOf(members(), seat).find(
        ({ means }) => means?.kind === 'remote' && means.certificate.serialNumber === signature.serialNumber
      )
      if (still?.means?.kind !== 'remote') {
        throw new Refusal(
          'R7',
          'Đăng ký của đơn vị đã thay đổi trong khi chờ. Hãy ký lại bằng chứng thư số mới.'
        )
      }
      validNow(still.means.certificate, now())
      store.payments.put(signed(current(), seat, document, signature, accountHolderId))
    }
  }
}

function found<Record>(record: Record | null): Record {
  if (record === null) throw new Refusal('order', 'Không còn hồ sơ này.')
  return record
}
