import type { Authorization } from '../../../access/oauth/oauth.js'
import { displayText } from '../../../activation/display-text.js'
import { type Html, html } from '../../../http/html.js'
import type { Texts } from './texts.js'

/** Documents that a page lists; the phone shows them all. */
const listedMax = 20
const nameMaxLength = 200
const descriptionMaxLength = 500

/** Who asks, and for what: the same on every step, so that a person can compare it with the phone. */
export function asked({ relyingPartyName, asked }: Authorization, said: Texts): Html {
  const { credential } = asked
  return html`<section class="asked" aria-label="${said.wants(relyingPartyName)}">
<p class="who">${said.wants(relyingPartyName)}</p>
<p>${credential === null ? said.wantsService : said.wantsSignatures(credential.numSignatures)}</p>
${credential === null ? null : signed(credential, said)}
</section>`
}

function signed(
  { description, digests, documentNames, hash }: NonNullable<Authorization['asked']['credential']>,
  said: Texts
): Html {
  const text = displayText(description, descriptionMaxLength)
  const listed = digests.slice(0, listedMax)
  const rest = digests.length - listed.length
  return html`<dl>
${text === '' ? null : html`<dt>${said.description}</dt><dd>${text}</dd>`}
<dt>${said.documents}</dt>
<dd>${
    digests.length === 0
      ? said.anyDocument
      : html`<ul>${listed.map((digest, index) => {
          const name = displayText(documentNames[index] ?? said.document(index + 1), nameMaxLength)
          return html`<li>${name}<br><span class="digest-kind">${said.digest(hash ?? '')}</span> <code>${digest}</code></li>`
        })}</ul>${rest > 0 ? html`<p>${said.more(rest)}</p>` : null}`
  }</dd>
</dl>`
}
