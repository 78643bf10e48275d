import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from './app.js'

/** The page loads its own scripts and styles and nothing else; its widgets set style attributes and data images. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

/** The API description at `/docs`, OpenAPI 3.1 at `/docs/json`, of all routes that surfaces register. */
export function describeApi(app: App): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'kyso',
        description:
          'Remote signing. Everything behind this server is SIMULATED; its certificates prove nothing.',
        version: '1'
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }
    }
  })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: contentSecurityPolicy,
    // The page asks this very server; a validator elsewhere must not be told.
    uiConfig: { validatorUrl: null }
  })
}
