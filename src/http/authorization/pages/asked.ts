import type { Authorization } from '../../../access/oauth/oauth.js'
import { displayText } from '../../../activation/display-text.js'
import { type Html, html } from '../../html.js'
import type { Texts } from './texts.js'

/** Documents that a page lists; the phone shows them all. */
const listedMax = 20
const nameMaxLength = 200
const descriptionMaxLength = 500

/** Who asks, and for what; with the digests where the phone shows them too, so that they can be compared. */
export function asked({ relyingPartyName, asked, status, activation }: Authorization, said: Texts): Html {
  const { credential } = asked
  const bound = activation?.kind !== 'session'
  return html`<section class="asked" aria-label="${said.wants(relyingPartyName)}">
<p class="who">${said.wants(relyingPartyName)}</p>
<p>${credential === null ? withoutPhone(asked, said) : said.wantsSignatures(credential.numSignatures)}</p>
${credential === null ? null : signed(credential, said, { bound, digests: status === 'phone' })}
</section>`
}

/** What the login alone allows. */
function withoutPhone({ scope, change }: Authorization['asked'], said: Texts): string {
  if (scope === 'credential-creation') return said.wantsCreation
  if (scope === 'credential-deletion') return said.wantsDeletion(change?.credentialId ?? null)
  return said.wantsService
}

function signed(
  { description, digests: all, documentNames, hash }: NonNullable<Authorization['asked']['credential']>,
  said: Texts,
  show: { bound: boolean; digests: boolean }
): Html {
  const digests = show.bound ? all : []
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
          return show.digests
            ? html`<li>${name}<br><span class="digest-kind">${said.digest(hash ?? '')}</span> <code>${digest}</code></li>`
            : html`<li>${name}</li>`
        })}</ul>${rest > 0 ? html`<p>${said.more(rest)}</p>` : null}`
  }</dd>
</dl>`
}
