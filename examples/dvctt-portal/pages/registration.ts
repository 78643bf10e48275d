import type { Approval } from '../domain/approval.js'
import { vietnamDate, vietnamTime } from '../domain/numbers.js'
import { type Member, meansLabels, roles, signersOf } from '../domain/people.js'
import { type Registration, registrationStates } from '../domain/registration.js'
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
  signatureList,
  state
} from './parts.js'

/** A registration as it stands, and the one step that comes next. */
export function registrationPage(
  one: Registration,
  view: { inForce: Registration | null; approval: Approval | null; faults: readonly string[] },
  setting: FormSetting
): Html {
  const { number, unit, accounts, members, replaces, declarations, signature, createdAt } = one
  const replaced = one.state === 'approved' && view.inForce !== null && view.inForce.number !== number
  return page({
    title: `Hồ sơ đăng ký ${number}`,
    body: html`
<p>${state(registrationStates[one.state], one.state)}${replaced ? html` Đã được thay bằng hồ sơ <a href="/registrations/${view.inForce?.number ?? ''}">${view.inForce?.number ?? ''}</a>.` : null}</p>
${view.faults.length > 0 ? faultList(view.faults) : lastTry(view.approval)}
${nextStep(one, replaced, view.approval, setting)}
${signatureList(signature === null ? [] : [signature])}
${fileList(declarations, `/registrations/${number}/files`)}
<section class="card" aria-labelledby="unit"><h2 id="unit">Đơn vị</h2>
${facts([
  ['Loại hồ sơ', replaces === null ? 'Đăng ký mới' : `Đăng ký thay đổi sử dụng DVC, thay hồ sơ ${replaces}`],
  ['Lập lúc', vietnamTime(createdAt)],
  ['Tên đơn vị', unit.name],
  ['Mã ĐVQHNS', unit.code],
  ['Mã KBNN', unit.treasuryCode],
  ['Số điện thoại', unit.phone],
  ['Thư điện tử', unit.email],
  ['Dịch vụ', unit.services.join('; ')],
  ['Tài khoản', accounts.join('; ')]
])}</section>
<section class="card" aria-labelledby="members"><h2 id="members">Thành viên</h2>
<ul class="members">${members.map(memberEntry)}</ul></section>`
  })
}

function memberEntry({ role, fullName, email, means }: Member): Html {
  const serial = means?.kind === 'remote' ? means.certificate.serialNumber : (means?.serialNumber ?? '')
  const valid = means?.kind === 'remote' ? means.certificate : means
  return html`<li><strong>${fullName}</strong>, ${roles[role].label}, ${email}${
    means === null || valid === null
      ? null
      : html`<br>${means.kind === 'remote' ? `${means.authorityLabel}, tên đăng nhập ${means.login}` : meansLabels.token}.
Số sê-ri <code>${serial}</code>, hiệu lực ${vietnamDate(valid.notBefore)} đến ${vietnamDate(valid.notAfter)}`
  }</li>`
}

function nextStep(
  one: Registration,
  replaced: boolean,
  approval: Approval | null,
  setting: FormSetting
): Html | null {
  const { number } = one
  const at = `/registrations/${number}`
  const button = (path: string, label: string, main = true) =>
    html`<form method="post" action="${at}/${path}" class="row">${csrfField(setting)}<button${main ? html` class="main"` : null}>${label}</button></form>`
  switch (one.state) {
    case 'incomplete':
      return html`<div class="card"><p>Kiểm tra thông tin, rồi hoàn thiện để cổng lập tờ khai.</p>
${button('complete', 'Hoàn thiện hồ sơ')}${button('edit', 'Sửa', false)}</div>`
    case 'awaitingApproval':
      return signing(one, approval, setting)
    case 'sent':
      return html`<div class="card"><p>Tờ khai đã ký và gửi Kho bạc. Trong cổng mẫu, hãy đóng vai Kho bạc ở <a href="/treasury">trang Kho bạc (mô phỏng)</a>.</p></div>`
    default:
      if (replaced) return null
      return html`<div class="card"><p>Kho bạc đã phê duyệt. Trong thực tế, Kho bạc gửi tài khoản đăng nhập đến thư điện tử của từng thành viên.</p>
<p class="row"><a class="button main" href="/payments/new?unit=${one.unit.code}">Lập hồ sơ thanh toán</a></p>
${button('change', 'Đăng ký thay đổi sử dụng DVC', false)}</div>`
  }
}

/** The account holder signs the declarations. */
function signing(one: Registration, approval: Approval | null, setting: FormSetting): Html {
  if (approval !== null && ['asking', 'waiting'].includes(approval.state)) return waitingFor(approval)
  const [first] = signersOf(one.members, 'accountHolder')
  if (first?.means?.kind === 'token') {
    return html`<div class="card"><p class="note">Đơn vị chọn USB token. Cổng mẫu chỉ ký được từ xa, nên hồ sơ này dừng ở đây.</p></div>`
  }
  return html`<h2>Chủ tài khoản (hoặc người được ủy quyền) ký tờ khai</h2>
${approveForm(setting, {
  action: `/registrations/${one.number}/approve`,
  authority: first?.means?.authority ?? '',
  login: first?.means?.login ?? '',
  again: approval !== null
})}`
}

/** In place of the form while somebody is being asked. */
export const waitingFor = (approval: Approval): Html =>
  html`<div class="card"><p>Đang chờ ${approval.signer} xác nhận trên điện thoại.</p>
<p class="row"><a class="button main" href="/approvals/${approval.id}">Xem yêu cầu đang chờ</a></p></div>`
