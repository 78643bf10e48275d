import type { Quirk } from '../../dialect/dialect.js'

/** Manners of MISA eSign that clients trip over (docs/providers/misa.md). */
export const quirks = [
  {
    name: 'misa.sandbox-root-405',
    meaning: 'On the sandbox host, login under `/api/auth` answers 405; there it is under `/webdev` alone.',
    mark: 'V'
  },
  {
    name: 'misa.webdev-html',
    meaning: 'Signing calls under `/webdev` answer 200 with a page of HTML; off, they answer 404.',
    mark: 'V'
  },
  {
    name: 'misa.misspelled-chain',
    meaning: 'The chain of a certificate is called `certiticateChain`; off, `certificateChain`.',
    mark: 'V'
  },
  {
    name: 'misa.base64-line-breaks',
    meaning: '`certificate` carries a line break after every 76 characters.',
    mark: 'V'
  }
] as const satisfies readonly Quirk[]
