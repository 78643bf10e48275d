import type { Approval } from '../domain/approval.js'
import { vietnamTime } from '../domain/numbers.js'
import { type Html, html } from './html.js'
import { page } from './layout.js'
import { facts } from './parts.js'

/** How often a page without scripts looks again, in seconds. */
const refreshS = 3

/** While a signer is asked: what the phone shows, so that both can be compared. */
export function approvalPage(approval: Approval): Html {
  const { id, signer, roleLabel, authorityLabel, description, documents, startedAt } = approval
  return page({
    title: 'Chờ xác nhận trên điện thoại',
    head: html`<noscript><meta http-equiv="refresh" content="${refreshS}"></noscript>`,
    body: html`
<div class="card waiting" data-poll="/approvals/${id}/status" data-state="${approval.state}">
<p role="status"><span class="spinner" aria-hidden="true"></span> Đang chờ <strong>${signer}</strong> (${roleLabel}) xác nhận bằng khuôn mặt hoặc vân tay trong ứng dụng <strong>${authorityLabel}</strong>.</p>
<p>Trang này tự chuyển khi có kết quả. Đóng trang cũng không sao: hồ sơ vẫn chờ kết quả.</p>
</div>
<section class="card phone" aria-labelledby="phone"><h2 id="phone">Điện thoại hiển thị</h2>
${facts([
  ['Nội dung', description],
  ['Số tài liệu', String(documents.length)],
  ...documents.map(({ name, digestBase64 }) => [name, html`<code>${digestBase64}</code>`] as const),
  ['Gửi lúc', vietnamTime(startedAt)]
])}
<p class="note">Chỉ xác nhận khi nội dung và mã băm trên điện thoại giống như trên trang này.</p>
</section>`
  })
}
