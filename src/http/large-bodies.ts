import type { Server } from 'node:http'
import type { Readable } from 'node:stream'
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.js'
import { parseLargeJson } from './large-json.js'

/** Octets of large bodies that are received and worked on at the same time: 27 of the largest document in base64. */
export const largeBodiesMax = 384 * 1024 * 1024
/** Octets of one body: two of the largest document in base64, and what else is said. */
const largeBodyMax = 32 * 1024 * 1024
const retryAfterS = 5

/** What large bodies hold. */
interface Held {
  octets: number
}

/** Of each server, all that are under way. */
const underWay = new WeakMap<Server, Held>()

/** Of each request that is not over, its own, which is also in its server's. */
const own = new WeakMap<FastifyRequest, Held>()

declare module 'fastify' {
  interface FastifyRequest {
    /** Long files of the body, by what stands in their place in it; null where the route takes none. */
    files: ReadonlyMap<string, Uint8Array> | null
  }
}

/**
 * For a context whose routes take whole files in JSON: long ones are decoded where they lie and found in `request.files`,
 * and what all such bodies of the server hold together has a limit, counted as it arrives, so that announcing much takes
 * nobody's place. Without it, the context's routes take no more than others do.
 * @param options.members Members that may hold a file in base64, whatever their case.
 * @param options.bodyMax Octets of one body; default 32 MiB. Beyond it, it is refused with `request_too_large`.
 * @param options.octetsMax Default 384 MiB. Beyond it, a body is refused with `too_many_requests`.
 */
export function takeLargeBodies(
  app: FastifyInstance,
  {
    members,
    bodyMax = largeBodyMax,
    octetsMax = largeBodiesMax
  }: { members: readonly string[]; bodyMax?: number; octetsMax?: number }
): void {
  const all = heldBy(app.server)
  const names = new Set(members.map((name) => name.toLowerCase()))
  const parse = app.getDefaultJsonParser('error', 'error')
  app.decorateRequest('files', null)
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', (request, payload, done) => {
    /** The framework's own parser answers before it returns. */
    const parsed = (text: string): unknown => {
      let outcome: unknown
      parse(request, text, (error, value) => {
        if (error !== null) throw error
        outcome = value
      })
      return outcome
    }
    receive(request, payload, { all, octetsMax })
      .then((parts) => {
        const { value, files } = parseLargeJson(sideBySide(parts), { members: names, parse: parsed })
        // Whoever listens to the body keeps them otherwise.
        parts.length = 0
        request.files = files
        return value
      })
      .then((value) => done(null, value), done)
  })

  app.addHook('onRoute', (route) => {
    route.bodyLimit = bodyMax
  })
  app.addHook('onRequest', async (request, reply) => {
    own.set(request, { octets: 0 })
    reply.raw.once('close', () => release(request))
  })
}

/** For a call that waits for somebody once its files are kept: from now on the body holds nothing. */
export function releaseLargeBody(request: FastifyRequest): void {
  request.files = null
  release(request)
}

/**
 * Reads a body, counting it as it comes.
 * @throws ServiceError `too_many_requests`; the framework's error for a body above the route's limit; whatever ended
 *   the connection.
 */
async function receive(
  request: FastifyRequest,
  payload: Readable,
  { all, octetsMax }: { all: Held; octetsMax: number }
): Promise<Buffer[]> {
  const { bodyLimit } = request.routeOptions
  if (Number(request.headers['content-length']) > bodyLimit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  const parts: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    payload.on('data', take)
    payload.once('end', resolve)
    payload.once('error', reject)
    // A sender that is gone sends no end.
    payload.once('close', () => reject(new Error('the sender is gone')))

    function take(part: Buffer): void {
      const held = own.get(request)
      if (held === undefined) {
        refuse(new Error('the sender is gone'))
        return
      }
      held.octets += part.length
      all.octets += part.length
      parts.push(part)
      if (held.octets > bodyLimit) refuse(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
      else if (all.octets > octetsMax)
        refuse(new ServiceError('too_many_requests', 'large bodies under way hold too much', { retryAfterS }))
    }
    /** What still comes of a refused body is read and dropped, so that its sender gets to read the answer. */
    function refuse(error: Error): void {
      payload.off('data', take)
      payload.resume()
      parts.length = 0
      reject(error)
    }
  })
  return parts
}

/** Where a body lies while it is parsed: one at a time, and memory of this size is what the collector wakes up for. */
let scratch = Buffer.alloc(0)

/** @returns Octets that are valid until the next call. */
function sideBySide(parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const part of parts) at += part.copy(scratch, at)
  return scratch.subarray(0, length)
}

/** Takes a body out of the count, once. */
function release(request: FastifyRequest): void {
  const held = own.get(request)
  if (held === undefined) return
  heldBy(request.server.server).octets -= held.octets
  own.delete(request)
}

function heldBy(server: Server): Held {
  const held = underWay.get(server) ?? { octets: 0 }
  underWay.set(server, held)
  return held
}
