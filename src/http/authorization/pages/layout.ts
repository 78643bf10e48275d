import { type Html, html } from '../../html.js'
import type { Language } from '../language.js'
import type { PagesProvider } from '../place.js'
import { texts } from './texts.js'

/** Where a page stands, and for whom. */
export interface Setting {
  provider: PagesProvider
  lang: Language
  /** Path of what all pages of the provider share, without a trailing slash. */
  shared: string
}

/** What fills a page. */
export interface PageParts {
  title: string
  body: Html
  /** Further members of the head. */
  head?: Html
  /** Where the page can be had in the other language; null: it cannot. */
  otherLanguage?: string | null
  /** For the script, where the page has one: how the request stood when the page was made. */
  status?: string
}

/** A whole page: one heading, one card, and what says that all of it is simulated. */
export function page({ provider, lang, shared }: Setting, parts: PageParts): Html {
  const { title, body, head = null, otherLanguage = null, status = null } = parts
  const said = texts[lang]
  const name = provider.names[lang]
  return html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${name} (${said.simulated})</title>
<link rel="stylesheet" href="${shared}/oauth2.css">
<link rel="icon" href="${shared}/logo.svg" type="image/svg+xml">
${status === null ? null : html`<script src="${shared}/oauth2.js" defer></script>`}
${head}
</head>
<body${status === null ? null : html` data-status="${status}"`}>
<header>
<img src="${shared}/logo.svg" alt="" width="44" height="44">
<p class="brand">${name}</p>
<p class="simulated">${said.simulated}</p>
</header>
<main>
<h1>${title}</h1>
${body}
</main>
<footer>
<p>${said.simulatedNote}</p>
${
  otherLanguage === null
    ? null
    : html`<p><a href="${otherLanguage}" lang="${said.otherLanguage.language}" hreflang="${said.otherLanguage.language}">${said.otherLanguage.name}</a></p>`
}
</footer>
</body>
</html>
`
}
