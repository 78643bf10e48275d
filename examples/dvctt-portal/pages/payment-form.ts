import type { Registration } from '../domain/registration.js'
import { type Html, html } from './html.js'
import { page } from './layout.js'
import { csrfField, type FormSetting, faultList, option, textField } from './parts.js'

/** Lines of an order to pay, at most. */
export const linesMax = 5

/** What stands in the fields, by their names; lines have an index. */
export type PaymentFields = Readonly<Record<string, string>>

/** As a first try of the example finds it. */
export const examplePayment: PaymentFields = {
  beneficiary: 'Công ty TNHH Văn phòng phẩm Ánh Dương (mẫu)',
  beneficiaryAccount: '0011004455667',
  beneficiaryBank: 'Ngân hàng mẫu, chi nhánh Phú Thọ',
  purpose: 'Thanh toán tiền văn phòng phẩm tháng 11',
  content0: 'Giấy in A4, 50 ram',
  budget0: '6551',
  amount0: '3500000',
  content1: 'Mực in, 6 hộp',
  budget1: '6551',
  amount1: '4200000'
}

/** An accountant's form for a payment dossier. */
export function paymentForm(
  { unit, accounts, members }: Registration,
  fields: PaymentFields,
  faults: readonly string[],
  setting: FormSetting
): Html {
  const value = (name: string) => fields[name] ?? ''
  const accountants = members.filter(({ role }) => role === 'accountant')
  return page({
    title: 'Lập hồ sơ thanh toán',
    body: html`
${faultList(faults)}
<form method="post" action="/payments">
${csrfField(setting)}
<input type="hidden" name="unit" value="${unit.code}">
<fieldset><legend>${unit.name}, ĐVQHNS ${unit.code}</legend><div class="grid">
<label>Kế toán viên lập<select name="preparedBy">${accountants.map(({ id, fullName }) => option(id, fullName, value('preparedBy')))}</select></label>
<label>Tài khoản chi<select name="account">${accounts.map((account) => option(account, account, value('account')))}</select></label>
</div></fieldset>
<fieldset><legend>Đơn vị nhận tiền</legend><div class="grid">
${textField('Tên', 'beneficiary', value('beneficiary'))}
${textField('Số tài khoản', 'beneficiaryAccount', value('beneficiaryAccount'))}
${textField('Ngân hàng', 'beneficiaryBank', value('beneficiaryBank'))}
</div></fieldset>
<fieldset><legend>Nội dung thanh toán</legend>
${textField('Lý do', 'purpose', value('purpose'))}
${Array.from(
  { length: linesMax },
  (_, index) => html`<div class="grid line">
${textField(`Nội dung ${index + 1}`, `content${index}`, value(`content${index}`))}
${textField('Mã NDKT', `budget${index}`, value(`budget${index}`), html` inputmode="numeric"`)}
${textField('Số tiền (đồng)', `amount${index}`, value(`amount${index}`), html` inputmode="numeric"`)}
</div>`
)}
</fieldset>
<p class="row"><button class="main">Lập hồ sơ</button></p>
</form>`
  })
}
