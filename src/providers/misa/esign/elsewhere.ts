import { ServiceError } from '../../../errors.js'
import type { DialectRoutes } from '../../dialect/dialect.js'

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
