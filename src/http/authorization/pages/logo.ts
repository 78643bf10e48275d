import type { FastifyPluginAsync } from 'fastify'
import type { PagesProvider } from '../place.js'

/** A provider's image, which `info.logo` of CSC names as well: drawn here, and plainly that of a simulation. */
export const logo: FastifyPluginAsync<{ provider: PagesProvider; tag: string }> = async (
  app,
  { provider, tag }
) => {
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" width="256" height="256" role="img">
<title>${provider.label} (simulated)</title>
<rect width="256" height="256" rx="32" fill="#16324f"/>
<path d="M48 150c40-70 60-70 60-20s24 40 44 6 28-16 20 8 16 20 36 2" fill="none" stroke="#fff" stroke-width="12" stroke-linecap="round"/>
<text x="128" y="216" fill="#9fd3ff" font-family="sans-serif" font-size="26" text-anchor="middle">SIMULATED</text>
</svg>`
  app.get(
    '/logo.svg',
    {
      schema: {
        tags: [tag],
        summary: 'The logo of the provider'
      }
    },
    async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=86400').type('image/svg+xml').send(picture)
  )
}
