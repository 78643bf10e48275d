import type { Approval } from '../domain/approval.js'
import { dongs, vietnamTime } from '../domain/numbers.js'
import { nextSeat, type Payment, paymentStates, totalOf } from '../domain/payment.js'
import { type Seat, seatLabels, signersOf } from '../domain/people.js'
import type { Registration } from '../domain/registration.js'
import { type Html, html } from './html.js'
import { page } from './layout.js'
import {
  approveForm,
  csrfField,
  type FormSetting,
  facts,
  faultList,
  fileList,
  lastTry,
  option,
  signatureList,
  state
} from './parts.js'
import { waitingFor } from './registration.js'

/** A payment dossier as it stands, and the one step that comes next. */
export function paymentPage(
  one: Payment,
  view: { inForce: Registration; approval: Approval | null; faults: readonly string[] },
  setting: FormSetting
): Html {
  const { number, lines } = one
  return page({
    title: `Hồ sơ thanh toán ${number}`,
    body: html`
<p>${state(paymentStates[one.state], one.state)}</p>
${view.faults.length > 0 ? faultList(view.faults) : lastTry(view.approval)}
${nextStep(one, view, setting)}
${signatureList(one.signatures)}
${fileList([one.document], `/payments/${number}/files`)}
<section class="card" aria-labelledby="order"><h2 id="order">Ủy nhiệm chi</h2>
${facts([
  ['Đơn vị', `${one.unitName}, ĐVQHNS ${one.unitCode}`],
  ['Tài khoản chi', one.account],
  ['Đơn vị nhận tiền', one.beneficiary],
  ['Tài khoản nhận', `${one.beneficiaryAccount}, ${one.beneficiaryBank}`],
  ['Lý do', one.purpose],
  ['Kế toán viên', one.preparedBy],
  ['Lập lúc', vietnamTime(one.createdAt)]
])}
<div class="wide"><table>
<thead><tr><th scope="col">Nội dung</th><th scope="col">Mã NDKT</th><th scope="col">Số tiền (đồng)</th></tr></thead>
<tbody>${lines.map(({ content, budgetCode, amount }) => html`<tr><td>${content}</td><td>${budgetCode}</td><td class="number">${dongs(amount)}</td></tr>`)}</tbody>
<tfoot><tr><th scope="row" colspan="2">Tổng cộng</th><td class="number">${dongs(totalOf(one))}</td></tr></tfoot>
</table></div></section>`
  })
}

function nextStep(
  one: Payment,
  { inForce, approval }: { inForce: Registration; approval: Approval | null },
  setting: FormSetting
): Html | null {
  const seat = nextSeat(one)
  if (seat !== null) return signing(one, seat, inForce, approval, setting)
  if (one.state === 'prepared') {
    return html`<form method="post" action="/payments/${one.number}/submit" class="card row">${csrfField(setting)}
<button class="main">Trình Kế toán trưởng</button></form>`
  }
  if (one.state === 'accepted') return null
  return html`<div class="card"><p>Đủ hai chữ ký, hồ sơ đã gửi Kho bạc. Trong cổng mẫu, hãy đóng vai Kho bạc ở <a href="/treasury">trang Kho bạc (mô phỏng)</a>.</p></div>`
}

function signing(
  one: Payment,
  seat: Seat,
  { members }: Registration,
  approval: Approval | null,
  setting: FormSetting
): Html {
  if (approval !== null && ['asking', 'waiting'].includes(approval.state)) return waitingFor(approval)
  const candidates = signersOf(members, seat)
  const signer = candidates.find(({ id }) => id === one.accountHolderId) ?? candidates[0]
  if (signer?.means?.kind === 'token') {
    return html`<div class="card"><p class="note">Đơn vị đang dùng USB token. Cổng mẫu chỉ ký được từ xa; hãy lập đăng ký thay đổi để chuyển sang ký số từ xa.</p></div>`
  }
  const holders = html`<label>Chuyển tiếp đến Chủ tài khoản<select name="accountHolder">${signersOf(
    members,
    'accountHolder'
  ).map(({ id, fullName }) => option(id, fullName, ''))}</select></label>`
  return html`<h2>${seatLabels[seat]} (hoặc người được ủy quyền) ký</h2>
${approveForm(setting, {
  action: `/payments/${one.number}/approve`,
  authority: signer?.means?.authority ?? '',
  login: signer?.means?.login ?? '',
  before: seat === 'chiefAccountant' ? holders : null,
  again: approval !== null && approval.message !== '' && approval.state !== 'signed'
})}`
}
