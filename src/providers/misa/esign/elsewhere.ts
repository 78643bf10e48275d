import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { documentsPath } from './paths.js'

/** What an application in the browser sends for every path it does not know. */
const page = `<!doctype html>
<html lang="vi">
  <head><meta charset="utf-8"><title>MISA eSign (SIMULATED)</title></head>
  <body><div id="app"></div></body>
</html>
`

/**
 * Signing calls where they are not: under `/webdev` a page of HTML answers 200 to everything, whoever calls (§5.1).
 * A client that looks at the status alone believes it.
 */
export const webdevPage: DialectRoutes = async (app, { quirk }) => {
  app.all('/webdev/external/*', {
    schema: { hide: true },
    onRequest: async (_request, reply) => {
      if (quirk('misa.webdev-html')) return reply.type('text/html; charset=utf-8').send(page)
      throw new ServiceError('not_found', 'a signing call under /webdev', {
        says: 'Signing calls have no /webdev before them.'
      })
    },
    handler: async () => page
  })
}

/** The server-side hashing and embedding of documents (§5.4): known, and not offered yet. */
export const documentsNotOffered: DialectRoutes = async (app) => {
  for (const call of ['hash', 'attachment'])
    app.post(`${documentsPath}/${call}`, { schema: { hide: true } }, async () => {
      throw new ServiceError('not_offered', `documents/${call}`, {
        says: 'Hash the document yourself, and send its DigestInfo to Signing/hash.'
      })
    })
}
