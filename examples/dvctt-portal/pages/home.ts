import type { Payment } from '../domain/payment.js'
import { paymentStates } from '../domain/payment.js'
import { roles } from '../domain/people.js'
import type { Registration } from '../domain/registration.js'
import { registrationStates } from '../domain/registration.js'
import { demoPeople, demoUnits } from './demo-people.js'
import { type Html, html } from './html.js'
import { page } from './layout.js'
import { csrfField, state } from './parts.js'

/** The first page: what to try, with whom, and what there is already. */
export function homePage(
  csrf: string,
  registrations: readonly Registration[],
  payments: readonly Payment[]
): Html {
  return page({
    title: 'Ký số từ xa trên Dịch vụ công trực tuyến',
    body: html`
<section class="card" aria-labelledby="try">
<h2 id="try">Thử gì ở đây</h2>
<ol>
<li><strong>Đăng ký đơn vị.</strong> Điền tờ khai, bấm "Lấy thông tin" để lấy chứng thư số của Kế toán trưởng và Chủ tài khoản, ghi hồ sơ, hoàn thiện, rồi Chủ tài khoản ký tờ khai.</li>
<li><strong>Kho bạc phê duyệt</strong> trên trang Kho bạc (mô phỏng).</li>
<li><strong>Hồ sơ thanh toán.</strong> Kế toán viên lập và trình; Kế toán trưởng ký, rồi Chủ tài khoản ký. Mỗi người ký xác nhận bằng khuôn mặt hoặc vân tay trên điện thoại.</li>
<li>Tải tệp PDF đã ký về và xem chữ ký, ví dụ bằng <code>pdfsig</code>.</li>
</ol>
<form method="post" action="/drafts" class="row">
${csrfField({ csrf })}
${demoUnits.map(({ name, code }) => html`<button name="unit" value="${code}">Điền đơn vị mẫu: ${name}</button>`)}
<button class="main" name="unit" value="">Đăng ký mới (tờ khai trống)</button>
</form>
</section>
<section class="card" aria-labelledby="people">
<h2 id="people">Người dùng mẫu</h2>
<p>Có sẵn khi máy chủ kyso chạy bằng <code>npm start</code>. Điện thoại ảo của họ tự xác nhận.</p>
<div class="wide"><table>
<thead><tr><th scope="col">Nhà cung cấp</th><th scope="col">Tên đăng nhập</th><th scope="col">Mật khẩu</th><th scope="col">Họ tên</th><th scope="col">Vai trò phù hợp</th><th scope="col">Đơn vị</th></tr></thead>
<tbody>${demoPeople.map(
      ({ authorityLabel, login, password, fullName, role, unit }) =>
        html`<tr><td>${authorityLabel}</td><td><code>${login}</code></td><td>${password === null ? 'không hỏi' : html`<code>${password}</code>`}</td><td>${fullName}</td><td>${roles[role].label}</td><td>${unit.name}, ĐVQHNS ${unit.code}</td></tr>`
    )}</tbody>
</table></div>
</section>
<section aria-labelledby="registrations">
<h2 id="registrations">Hồ sơ đăng ký</h2>
${list(registrations.map(({ number, unit, state: is }) => entry('/registrations', number, unit.name, state(registrationStates[is], is))))}
</section>
<section aria-labelledby="payments">
<h2 id="payments">Hồ sơ thanh toán</h2>
${list(payments.map(({ number, purpose, state: is }) => entry('/payments', number, purpose, state(paymentStates[is], is))))}
</section>`
  })
}

/** A line of a list of dossiers. */
export const entry = (folder: string, number: string, about: string, how: Html): Html =>
  html`<li><a href="${folder}/${number}">${number}</a> ${about} ${how}</li>`

export const list = (entries: readonly Html[]): Html =>
  entries.length === 0
    ? html`<p class="quiet">Chưa có hồ sơ nào.</p>`
    : html`<ul class="dossiers">${entries}</ul>`
