import { createHash } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { script } from './script.js'
import { style } from './style.js'

const files = [
  { path: '/oauth2.css', type: 'text/css; charset=utf-8', text: style, summary: 'Style of the login pages' },
  {
    path: '/oauth2.js',
    type: 'text/javascript; charset=utf-8',
    text: script,
    summary: 'Script of the login pages'
  }
]

/** What all pages of an API share: style and script. `tag`: under which the API description lists them. */
export const pageAssets: FastifyPluginAsync<{ tag: string }> = async (app, { tag }) => {
  for (const { path, type, text, summary } of files) {
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    app.get(path, { schema: { tags: [tag], summary } }, async (request, reply) => {
      reply.header('cache-control', 'no-cache').header('etag', etag)
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      return reply.type(type).send(text)
    })
  }
}
