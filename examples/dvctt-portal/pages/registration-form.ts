import { accountsMax, type Draft, type DraftMember, membersMax } from '../domain/draft.js'
import { vietnamDate } from '../domain/numbers.js'
import { meansLabels, type Role, roles } from '../domain/people.js'
import { services } from '../domain/registration.js'
import { type Html, html } from './html.js'
import { page } from './layout.js'
import {
  authorityOptions,
  csrfField,
  type FormSetting,
  facts,
  faultList,
  option,
  textField
} from './parts.js'

const titles = {
  first: 'Đăng ký sử dụng DVC',
  change: 'Đăng ký thay đổi sử dụng DVC',
  edit: 'Hoàn thiện hồ sơ đăng ký'
}

/** The form of a registration, with every member that it names. */
export function registrationForm(draft: Draft, setting: FormSetting): Html {
  const title = draft.number !== null ? titles.edit : draft.replaces !== null ? titles.change : titles.first
  return page({
    title,
    body: html`
${faultList(draft.faults)}
${
  draft.replaces === null
    ? null
    : html`<p class="note">Thay đổi hồ sơ <a href="/registrations/${draft.replaces}">${draft.replaces}</a>. Hồ sơ cũ giữ nguyên và còn hiệu lực đến khi Kho bạc phê duyệt hồ sơ mới.</p>`
}
<form method="post" action="/drafts/${draft.id}" class="registration">
${csrfField(setting)}
<button name="action" value="keep" hidden>Ghi nhớ</button>
${unitFields(draft)}
${draft.members.map((member) => memberFields(member, setting))}
${draft.members.length < membersMax ? addMember() : null}
<p class="row"><button class="main" name="action" value="save">Ghi hồ sơ</button></p>
</form>`
  })
}

function unitFields(draft: Draft): Html {
  const accounts = draft.accounts.length < accountsMax ? [...draft.accounts, ''] : draft.accounts
  return html`<fieldset><legend>Đơn vị</legend>
<div class="grid">
${textField('Mã KBNN', 'treasuryCode', draft.treasuryCode, html` inputmode="numeric" placeholder="0064"`)}
${textField('Mã ĐVQHNS', 'unitCode', draft.unitCode, html` inputmode="numeric" placeholder="1001163"`)}
${textField('Tên đơn vị', 'name', draft.name)}
${textField('Số điện thoại', 'phone', draft.phone, html` type="tel"`)}
${textField('Thư điện tử', 'email', draft.email, html` type="email"`)}
</div>
<fieldset class="inner"><legend>Dịch vụ</legend>
${services.map((service) => html`<label class="check"><input type="checkbox" name="services" value="${service}"${draft.services.includes(service) ? html` checked` : null}> ${service}</label>`)}
</fieldset>
<fieldset class="inner"><legend>Tài khoản tại Kho bạc</legend>
<div class="grid">${accounts.map((account, index) => textField(`Tài khoản ${index + 1}`, 'accounts', account, html` placeholder="3511.0.9091378"`))}</div>
</fieldset>
</fieldset>`
}

function memberFields(member: DraftMember, setting: FormSetting): Html {
  const { id, role, fullName, email, phone, fault } = member
  return html`<fieldset id="member-${id}" data-role="${role}"><legend>${roles[role].label}</legend>
${fault === null ? null : html`<div class="fault" role="alert">${fault}</div>`}
<div class="grid">
${textField('Họ và tên', `${id}.fullName`, fullName)}
${textField('Thư điện tử', `${id}.email`, email, html` type="email"`)}
${textField('Số điện thoại', `${id}.phone`, phone, html` type="tel"`)}
</div>
${roles[role].seat === null ? html`<p class="quiet">Lập và trình hồ sơ, không ký số.</p>` : certificateFields(member, setting)}
<p class="row"><button name="action" value="remove:${id}" class="quiet">Bỏ thành viên này</button></p>
</fieldset>`
}

/** "Đăng ký chứng thư số". */
function certificateFields(member: DraftMember, { authorities }: FormSetting): Html {
  const { id, kind, authority, login, tokenSerial, tokenFrom, tokenTo, found } = member
  return html`<fieldset class="inner"><legend>Đăng ký chứng thư số</legend>
<label>Hình thức<select name="${id}.kind" data-kind>${(['remote', 'token'] as const).map((one) => option(one, meansLabels[one], kind))}</select></label>
<div class="grid" data-of="remote">
<label>Nhà cung cấp chữ ký số<select name="${id}.authority" data-authority>${authorityOptions(authorities, authority)}</select></label>
<label>Tên đăng nhập cts<input name="${id}.login" value="${login}" maxlength="128" autocomplete="off" spellcheck="false"></label>
<label data-password>Mật khẩu cts <small>(không được lưu)</small><input type="password" name="${id}.password" maxlength="200" autocomplete="off"></label>
<p class="row"><button name="action" value="info:${id}">Lấy thông tin</button></p>
</div>
${
  found === null
    ? null
    : html`<div class="certificate" data-of="remote" role="status">${facts([
        ['Số sê-ri', html`<code>${found.certificate.serialNumber}</code>`],
        ['Hiệu lực từ', vietnamDate(found.certificate.notBefore)],
        ['Hiệu lực đến', vietnamDate(found.certificate.notAfter)],
        ['Cấp cho', `${found.certificate.commonName}, ${found.certificate.title ?? ''}`],
        ['Cơ quan', found.certificate.organisation ?? '']
      ])}</div>`
}
<div class="grid" data-of="token">
<p class="note">Cổng mẫu không đọc và không ký được bằng USB token: hồ sơ dùng USB token dừng ở bước Chủ tài khoản ký.</p>
${textField('Số sê-ri trong USB token', `${id}.tokenSerial`, tokenSerial)}
${textField('Hiệu lực từ', `${id}.tokenFrom`, tokenFrom, html` type="date"`)}
${textField('Hiệu lực đến', `${id}.tokenTo`, tokenTo, html` type="date"`)}
</div>
</fieldset>`
}

function addMember(): Html {
  return html`<p class="row"><label>Vai trò<select name="role">${(Object.keys(roles) as Role[]).map((role) => option(role, roles[role].label, 'deputyChiefAccountant'))}</select></label>
<button name="action" value="add">Thêm thành viên</button></p>`
}
