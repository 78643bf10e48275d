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

/** What the pages of both versions share, under `/{provider}/csc`. */
export const pageAssets: FastifyPluginAsync = async (app) => {
  for (const { path, type, text, summary } of files) {
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    app.get(path, { schema: { tags: ['CSC v2'], summary } }, async (request, reply) => {
      reply.header('cache-control', 'no-cache').header('etag', etag)
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      return reply.type(type).send(text)
    })
  }
}
