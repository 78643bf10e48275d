/** Forms: how they are read, and how one that another site sends is told from the portal's own. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** A form has some dozen fields; what is larger is not read. */
export const bodyOctetsMax = 64 * 1024
/** Characters of one field; what is longer was not typed into our forms. */
const fieldMax = 200
const cookieName = 'portal'

/** A form that does not come from a page of this portal, or from one of before its restart. */
export class ForeignForm extends Error {
  override readonly name = 'ForeignForm'
}

export interface Forms {
  /** For the hidden field `csrf` of this browser's forms; gives the browser its cookie where it has none. */
  csrf(request: FastifyRequest, reply: FastifyReply): string
}

/**
 * Reads forms as `URLSearchParams`, and lets none through without the token that belongs to the browser's cookie. There
 * is no login here, but without this any page on the web could press the buttons of somebody who runs the portal.
 */
export function registerForms(app: FastifyInstance): Forms {
  const secret = randomBytes(32)
  const tokenOf = (browser: string) => createHmac('sha256', secret).update(browser).digest('base64url')

  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: bodyOctetsMax },
    (_request, body, done) => done(null, new URLSearchParams(String(body)))
  )
  app.addHook('preHandler', async (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const browser = browserOf(request)
    if (browser === null || !same(formOf(request).get('csrf') ?? '', tokenOf(browser)))
      throw new ForeignForm('the token of the form is not that of the cookie')
  })
  return {
    csrf(request, reply) {
      const known = browserOf(request)
      if (known !== null) return tokenOf(known)
      const browser = randomBytes(16).toString('base64url')
      reply.header('set-cookie', `${cookieName}=${browser}; Path=/; HttpOnly; SameSite=Strict`)
      return tokenOf(browser)
    }
  }
}

/** The fields of a POST. */
export function formOf(request: FastifyRequest): URLSearchParams {
  return request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
}

/** One line as it was typed: control characters and space around it taken away; empty where there is none. */
export function line(form: URLSearchParams, name: string): string {
  return tidy(form.get(name) ?? '')
}

/** All fields of a name. */
export function lines(form: URLSearchParams, name: string, max: number): string[] {
  return form.getAll(name).slice(0, max).map(tidy)
}

/** A password is taken as it is. */
export function password(form: URLSearchParams, name = 'password'): string {
  return (form.get(name) ?? '').slice(0, fieldMax)
}

const tidy = (text: string): string =>
  text
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, fieldMax)

function browserOf({ headers }: FastifyRequest): string | null {
  return /(?:^|;\s*)portal=([\w-]{22})(?:;|$)/.exec(headers.cookie ?? '')?.[1] ?? null
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
