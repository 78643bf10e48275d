import type { Payment } from '../domain/payment.js'
import type { Registration } from '../domain/registration.js'
import { type Html, html } from './html.js'
import { page } from './layout.js'
import { csrfField, faultList } from './parts.js'

/** What waits for the treasury, which anybody may play here. */
export function treasuryPage(
  csrf: string,
  registrations: readonly Registration[],
  payments: readonly Payment[],
  faults: readonly string[] = []
): Html {
  return page({
    title: 'Kho bạc (mô phỏng)',
    section: 'treasury',
    body: html`
<p class="note"><strong>Đây không phải Kho bạc Nhà nước.</strong> Trang này chỉ đóng vai Kho bạc để thử cho hết các bước.</p>
${faultList(faults)}
<h2>Hồ sơ đăng ký chờ phê duyệt</h2>
${waiting(registrations.map(({ number, unit }) => row(csrf, `/registrations/${number}`, number, unit.name, '/approve-by-treasury', 'Kho bạc phê duyệt')))}
<h2>Hồ sơ thanh toán chờ tiếp nhận</h2>
${waiting(payments.map(({ number, unitName }) => row(csrf, `/payments/${number}`, number, unitName, '/accept-by-treasury', 'Kho bạc tiếp nhận')))}`
  })
}

const row = (csrf: string, at: string, number: string, about: string, path: string, label: string): Html =>
  html`<li><a href="${at}">${number}</a> ${about}
<form method="post" action="${at}${path}" class="row">${csrfField({ csrf })}<button class="main">${label}<span class="hidden"> hồ sơ ${number}</span></button></form></li>`

const waiting = (rows: readonly Html[]): Html =>
  rows.length === 0 ? html`<p class="quiet">Không có hồ sơ nào.</p>` : html`<ul class="dossiers">${rows}</ul>`
