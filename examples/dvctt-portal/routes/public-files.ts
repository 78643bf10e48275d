import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { found } from './deps.js'

/** The files themselves, not copies in the build: this module runs in build/examples/dvctt-portal/routes/. */
const folder = new URL('../../../../examples/dvctt-portal/public/', import.meta.url)
const types: Readonly<Record<string, string>> = {
  'portal.css': 'text/css; charset=utf-8',
  'portal.js': 'text/javascript; charset=utf-8',
  'portal.svg': 'image/svg+xml'
}

/** Style, script and picture of the pages, read once. */
export function registerPublicFiles(app: FastifyInstance): void {
  const files = new Map(Object.keys(types).map((name) => [name, readFileSync(new URL(name, folder))]))
  app.get<{ Params: { name: string } }>('/public/:name', async ({ params: { name } }, reply) => {
    const file = found(files.get(name) ?? null)
    return reply.type(types[name] ?? '').send(file)
  })
}
