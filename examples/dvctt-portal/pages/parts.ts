/** Pieces that several pages have. */
import { refusedAuthorities } from '../authorities/refused.js'
import type { RemoteAuthority } from '../authorities/remote-authority.js'
import type { Approval } from '../domain/approval.js'
import { vietnamTime } from '../domain/numbers.js'
import { roles } from '../domain/people.js'
import type { MadeSignature, PdfFile } from '../domain/registration.js'
import { type Html, html } from './html.js'

/** What every form of a page needs. */
export interface FormSetting {
  /** Against forms that other sites send. */
  csrf: string
  authorities: readonly RemoteAuthority[]
}

export const csrfField = ({ csrf }: Pick<FormSetting, 'csrf'>): Html =>
  html`<input type="hidden" name="csrf" value="${csrf}">`

/** What went wrong, and what to do about it. */
export function faultList(faults: readonly string[]): Html | null {
  if (faults.length === 0) return null
  return html`<div class="fault" role="alert" tabindex="-1" id="fault"><p><strong>Chưa được:</strong></p>
<ul>${faults.map((fault) => html`<li>${fault}</li>`)}</ul></div>`
}

/** How the last try to sign ended, where it did not end well. */
export function lastTry(approval: Approval | null): Html | null {
  if (approval === null || approval.message === '' || approval.state === 'signed') return null
  return html`<div class="fault" role="alert" id="last-try" data-state="${approval.state}">
<p><strong>${approval.signer} (${approval.authorityLabel}):</strong> ${approval.message}</p></div>`
}

export const state = (label: string, name: string): Html =>
  html`<span class="state" data-state="${name}">${label}</span>`

export const textField = (label: string, name: string, value: string, more: Html | null = null): Html =>
  html`<label>${label}<input name="${name}" value="${value}" maxlength="200"${more}></label>`

export const option = (value: string, label: string, chosen: string): Html =>
  html`<option value="${value}"${value === chosen ? html` selected` : null}>${label}</option>`

/** The providers of the list, and the one that is known and not served. */
export function authorityOptions(authorities: readonly RemoteAuthority[], chosen: string): Html {
  return html`${option('', 'Chọn nhà cung cấp', chosen)}
${authorities.map(({ id, label, asksPassword, loginExample }) => html`<option value="${id}" data-password="${asksPassword ? 'asked' : 'none'}" data-example="${loginExample}"${id === chosen ? html` selected` : null}>${label}</option>`)}
${refusedAuthorities.map(({ id, label }) => option(id, label, chosen))}`
}

/** The form by which somebody signs: provider, login, password where the provider asks for one. */
export function approveForm(
  setting: FormSetting,
  form: { action: string; authority: string; login: string; before?: Html | null; again: boolean }
): Html {
  return html`<form method="post" action="${form.action}" class="card approve">
${csrfField(setting)}
${form.before ?? null}
<label>Nhà cung cấp chữ ký số<select name="authority" data-authority required>${authorityOptions(setting.authorities, form.authority)}</select></label>
<label>Tên đăng nhập cts<input name="login" value="${form.login}" maxlength="128" required autocomplete="off" spellcheck="false"></label>
<label data-password>Mật khẩu cts <small>(để trống nếu nhà cung cấp không hỏi)</small><input type="password" name="password" maxlength="200" autocomplete="off"></label>
<button class="main" name="approve" value="1">${form.again ? 'Phê duyệt lại' : 'Phê duyệt'}</button>
</form>`
}

export const signatureList = (signatures: readonly MadeSignature[]): Html | null =>
  signatures.length === 0
    ? null
    : html`<h2>Chữ ký</h2><ul class="signatures">${signatures.map(
        ({ signer, role, authorityLabel, serialNumber, signedAt }) =>
          html`<li><strong>${signer}</strong>, ${roles[role].label}. ${authorityLabel}, số sê-ri <code>${serialNumber}</code>. Thời gian ký: ${vietnamTime(signedAt)}</li>`
      )}</ul>`

export const fileList = (files: readonly PdfFile[], folder: string): Html | null =>
  files.length === 0
    ? null
    : html`<h2>Tệp PDF</h2><ul class="files">${files.map(({ name }) => html`<li><a href="${folder}/${name}" download>${name}</a></li>`)}</ul>`

/** Rows of names and values. */
export const facts = (rows: readonly (readonly [string, string | Html])[]): Html =>
  html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
