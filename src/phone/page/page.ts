import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../errors.js'
import type { Provider } from '../../providers/provider.js'

/** A provider as its page shows it. */
export type PageProvider = Pick<Provider, 'id' | 'names'>

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}
/**
 * The page runs its own files and no others, speaks to this server and no other, and is in nobody's frame. A text that
 * somebody takes for HTML is refused by the browser (Trusted Types).
 */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; '),
  'permissions-policy':
    'camera=(self), publickey-credentials-create=(self), publickey-credentials-get=(self), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin'
}

/**
 * A page that is a device (docs/phone.md): static files, which call the phone API like any other device. What differs
 * between servers and providers it asks for in `page.json`.
 */
export const page: FastifyPluginAsyncTypebox<{
  provider: PageProvider
  publicUrl: string
  simulation: boolean
}> = async (app, { provider, publicUrl, simulation }) => {
  const tags = ['phone page']
  const index = files().get('index.html')
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(headers)
  })

  app.get(
    '/',
    { prefixTrailingSlash: 'slash', schema: { tags, summary: 'The page', produces: ['text/html'] } },
    async (_request, reply) => reply.type(index?.type ?? '').send(index?.content)
  )
  app.get(
    '/',
    { prefixTrailingSlash: 'no-slash', schema: { hide: true } },
    // Relative, so that it holds behind a proxy that serves us under a path.
    async (_request, reply) => reply.redirect('phone/', 308)
  )
  app.get(
    '/page.json',
    {
      schema: {
        tags,
        summary: 'What the page has to know of this server',
        response: {
          200: Type.Object({
            provider: Type.String(),
            names: Type.Object({ vi: Type.String(), en: Type.String() }),
            publicUrl: Type.String({ description: 'Where WebAuthn works: its host is the RP ID' }),
            simulation: Type.Boolean({ description: 'Whether a prompt may stand for a face or finger' })
          })
        }
      }
    },
    async () => ({ provider: provider.id, names: provider.names, publicUrl, simulation })
  )
  app.get(
    '/page/:file',
    {
      schema: {
        tags,
        summary: 'Its scripts, style and pictures',
        params: Type.Object({ file: Type.String({ maxLength: 64 }) })
      }
    },
    async (request, reply) => {
      const file = files().get(request.params.file)
      if (file === undefined) throw new ServiceError('not_found', 'the page has no such file')
      return reply.type(file.type).send(file.content)
    }
  )
}

type Files = ReadonlyMap<string, { type: string; content: Buffer }>

/** The files of the page, read once. They lie beside the source of this module, also when it runs compiled. */
function files(): Files {
  if (loaded !== null) return loaded
  const folder = join(packageRoot(), 'src/phone/page/files')
  const names = readdirSync(folder).filter((name) => extname(name) in mediaTypes)
  loaded = new Map(
    names.map((name) => {
      const content = readFileSync(join(folder, name))
      return [name, { type: mediaTypes[extname(name)] ?? '', content }]
    })
  )
  return loaded
}
let loaded: Files | null = null

/** The folder of package.json, whether this runs from `src/` or from `build/src/`. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}
