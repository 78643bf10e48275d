import { type Html, html } from './html.js'
import { page } from './layout.js'

/** What could not be done, why, and where to go from here. */
export function problemPage(title: string, message: string, back: { href: string; label: string }): Html {
  return page({
    title,
    body: html`<div class="fault" role="alert" id="fault"><p>${message}</p></div>
<p class="row"><a class="button main" href="${back.href}">${back.label}</a></p>`
  })
}
