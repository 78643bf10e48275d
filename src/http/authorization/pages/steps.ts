import type { Authorization } from '../../../access/oauth/oauth.js'
import { type Html, html } from '../../html.js'
import { asked } from './asked.js'
import { page, type Setting } from './layout.js'
import { texts } from './texts.js'

/** A step of one request, in its browser. */
export interface Step extends Setting {
  authorization: Authorization
  /** Hidden in every form: proves that the form is one of ours, sent from the browser of the request. */
  proof: string
  /** What went wrong with what was entered last; null: nothing. */
  fault?: string | null
  notice?: string | null
  /** What was entered before as the login name. */
  login?: string
}

/** Where this page can be had in the other language: the same address. */
const inOtherLanguage = ({ lang }: Step) => `?lang=${texts[lang].otherLanguage.language}`

/** Who are you? Also for providers that ask for the login name alone. */
export function loginPage(step: Step): Html {
  const { authorization, provider, lang, fault = null, login = authorization.asked.account ?? '' } = step
  const said = texts[lang]
  const password = html`<label for="password">${said.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="256" required>`
  return page(step, {
    title: said.loginTitle,
    otherLanguage: inOtherLanguage(step),
    body: html`${asked(authorization, said)}
${alert(fault)}
<form method="post" action="?lang=${lang}">
${hidden(step, 'login')}
<label for="login">${said.login}</label>
<input id="login" name="login" value="${login}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="128" required autofocus>
${provider.login.asksPassword ? password : html`<p class="hint">${said.noPassword}</p>`}
${authorization.asked.credential === null ? null : html`<p class="hint">${said.phoneFollows}</p>`}
<button type="submit">${said.continue}</button>
</form>
${cancelForm(step)}`
  })
}

/** The one-time code that was sent to the person. */
export function codePage(step: Step): Html {
  const { lang, fault = null, notice = null } = step
  const said = texts[lang]
  return page(step, {
    title: said.codeTitle,
    otherLanguage: inOtherLanguage(step),
    body: html`<p>${said.codeSent}</p>
${notice === null ? null : html`<p role="status" class="notice">${notice}</p>`}
${alert(fault)}
<form method="post" action="?lang=${lang}">
${hidden(step, 'code')}
<label for="code">${said.code}</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="12" required autofocus>
<button type="submit">${said.continue}</button>
</form>
<form method="post" action="?lang=${lang}">
${hidden(step, 'send-code')}
<button type="submit" class="quiet">${said.sendAgain}</button>
</form>
${cancelForm(step)}`
  })
}

/** Open your phone and confirm. Looks by itself how it stands; without scripts it is loaded again now and then. */
export function phonePage(step: Step, secondsLeft: number): Html {
  const { authorization, lang } = step
  const said = texts[lang]
  return page(step, {
    title: said.phoneTitle,
    otherLanguage: inOtherLanguage(step),
    status: authorization.status,
    head: html`<noscript><meta http-equiv="refresh" content="4"></noscript>`,
    body: html`<p role="status">${said.phoneText}</p>
<div class="waiting" aria-hidden="true"></div>
<ol>${said.phoneSteps.map((text) => html`<li>${text}</li>`)}</ol>
<p>${said.timeLeft}: <span id="left" data-seconds="${secondsLeft}">${clock(secondsLeft)}</span></p>
${asked(authorization, said)}
<noscript><p><a href="?lang=${lang}">${said.refresh}</a></p></noscript>
${cancelForm(step)}`
  })
}

/** On the way back. A page of its own, since what follows a form may not leave this server (form-action of our policy). */
export function returningPage(step: Step): Html {
  const { authorization, lang } = step
  const said = texts[lang]
  const answer = `${authorization.id}/answer`
  return page(step, {
    title: said.returning(authorization.relyingPartyName),
    head: html`<meta http-equiv="refresh" content="0; url=${answer}">`,
    body: html`<p><a class="button" href="${answer}">${said.returnNow}</a></p>`
  })
}

export function answeredPage(step: Step): Html {
  const said = texts[step.lang]
  return page(step, { title: said.answeredTitle, body: html`<p>${said.answeredText}</p>` })
}

/** The request is not in this browser, or is over: what it was is not told. */
export function gonePage(setting: Setting): Html {
  const said = texts[setting.lang]
  return page(setting, { title: said.goneTitle, body: html`<p>${said.goneText}</p>` })
}

/** What the application did wrong, where it cannot be told by a redirect (RFC 6749 §4.1.2.1). */
export function faultPage(setting: Setting, fault: { error: string; description: string }): Html {
  const said = texts[setting.lang]
  return page(setting, {
    title: said.errorTitle,
    body: html`<p>${said.errorText}</p>
<p class="fault"><code>${fault.error}</code> ${fault.description}</p>
<p>${said.errorBack}</p>`
  })
}

const alert = (fault: string | null): Html | null =>
  fault === null ? null : html`<p role="alert" class="fault">${fault}</p>`

const hidden = ({ proof }: Step, action: string): Html =>
  html`<input type="hidden" name="proof" value="${proof}"><input type="hidden" name="action" value="${action}">`

const cancelForm = (step: Step): Html => html`<form method="post" action="?lang=${step.lang}">
${hidden(step, 'cancel')}
<button type="submit" class="quiet">${texts[step.lang].cancel}</button>
</form>`

/** `m:ss`. */
const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
