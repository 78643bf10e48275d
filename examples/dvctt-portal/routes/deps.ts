import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RemoteAuthority } from '../authorities/remote-authority.js'
import type { Approvals } from '../domain/approvals.js'
import type { Html } from '../pages/html.js'
import type { Store } from '../store.js'
import type { Forms } from './forms.js'

/** What the routes share. */
export interface RouteDeps {
  store: Store
  approvals: Approvals
  authorities: readonly RemoteAuthority[]
  forms: Forms
  now(): Date
}

/** A dossier, or something else, that is not there, or not any longer. */
export class NotFound extends Error {
  override readonly name = 'NotFound'
}

/** @throws NotFound */
export function found<Item>(item: Item | null): Item {
  if (item === null) throw new NotFound('not there')
  return item
}

export type Numbered = { Params: { number: string } }

export const settingOf = (
  { forms, authorities }: RouteDeps,
  request: FastifyRequest,
  reply: FastifyReply
) => ({
  csrf: forms.csrf(request, reply),
  authorities
})

export function send(reply: FastifyReply, page: Html, status = 200): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').send(page.text)
}

/** After a POST, so that going back and reloading repeats nothing. */
export const goTo = (reply: FastifyReply, path: string): FastifyReply => reply.redirect(path, 303)

/** A PDF to keep. */
export function sendPdf(
  reply: FastifyReply,
  files: readonly { name: string; pdf: Uint8Array }[],
  name: string
) {
  const { pdf } = found(files.find((file) => file.name === name) ?? null)
  // Names are the portal's own: letters, digits and hyphens.
  return reply
    .header('content-disposition', `attachment; filename="${name}"`)
    .type('application/pdf')
    .send(Buffer.from(pdf))
}
