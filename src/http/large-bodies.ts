import type { Server } from 'node:http'
import { Transform } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.js'
import { parseLargeJson } from './large-json.js'

/** Octets of large bodies that are received and worked on at the same time: 27 of the largest document in base64. */
export const largeBodiesMax = 384 * 1024 * 1024
const retryAfterS = 5

/** Octets of each server's large bodies under way. */
const underWay = new WeakMap<Server, { octets: number }>()

/** Takes what a body holds out of that count. */
const releases = new WeakMap<FastifyRequest, () => void>()

declare module 'fastify' {
  interface FastifyRequest {
    /** Long files of the body, by what stands in their place in it; null where the route takes none. */
    files: ReadonlyMap<string, Uint8Array> | null
  }
}

/**
 * For a context whose routes take whole files in JSON: long ones are decoded where they lie and found in `request.files`,
 * and what all such bodies of the server hold together has a limit, counted as it arrives, so that announcing much takes
 * nobody's place.
 * @param options.members Members that may hold a file in base64, whatever their case.
 * @param options.octetsMax Default 384 MiB. Beyond it, a body is refused with `too_many_requests`.
 */
export function takeLargeBodies(
  app: FastifyInstance,
  { members, octetsMax = largeBodiesMax }: { members: readonly string[]; octetsMax?: number }
): void {
  const held = heldBy(app.server)
  const names = new Set(members.map((name) => name.toLowerCase()))
  const parse = app.getDefaultJsonParser('error', 'error')
  app.decorateRequest('files', null)
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, octets, done) => {
    /** The framework's own parser answers before it returns. */
    const parsed = (text: string): unknown => {
      let outcome: unknown
      parse(request, text, (error, value) => {
        if (error !== null) throw error
        outcome = value
      })
      return outcome
    }
    try {
      const { value, files } = parseLargeJson(octets, { members: names, parse: parsed })
      request.files = files
      done(null, value)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), undefined)
    }
  })

  app.addHook('preParsing', (request, reply, payload, done) => {
    let own = 0
    const counter = new Transform({
      transform(part: Buffer, _encoding, passOn) {
        own += part.length
        held.octets += part.length
        if (held.octets <= octetsMax) return passOn(null, part)
        passOn(new ServiceError('too_many_requests', 'large bodies under way hold too much', { retryAfterS }))
      }
    })
    const release = () => {
      held.octets -= own
      own = 0
    }
    releases.set(request, release)
    reply.raw.once('close', release)
    // What still comes of a refused body is read and dropped, so that its sender gets to read the answer.
    counter.once('error', () => payload.resume())
    // A sender that is gone sends no end.
    payload.once('error', (error) => counter.destroy(error))
    request.raw.once('close', () => counter.destroy())
    done(null, payload.pipe(counter))
  })
}

/** For a call that waits for somebody once its files are kept: from now on the body holds nothing. */
export function releaseLargeBody(request: FastifyRequest): void {
  request.files = null
  releases.get(request)?.()
}

function heldBy(server: Server): { octets: number } {
  const held = underWay.get(server) ?? { octets: 0 }
  underWay.set(server, held)
  return held
}
