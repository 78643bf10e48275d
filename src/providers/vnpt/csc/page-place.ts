import type { FastifyRequest } from 'fastify'
import type { PagePlace } from '../../../http/authorization/place.js'
import { authPath } from './paths.js'

/** Where a browser sees the pages: below our own address, or at the root of the host name that is played. */
export function pagePlace(publicUrl: string, provider: string): PagePlace {
  const { pathname, protocol } = new URL(publicUrl)
  const own = `${pathname.replace(/\/$/, '')}/${provider}${authPath}`
  // On a played host name the path that came is another one than the path that was routed.
  const shared = ({ originalUrl, url }: FastifyRequest) => (originalUrl === url ? own : authPath)
  return { shared, endpoint: (request) => `${shared(request)}/authorize`, secure: protocol === 'https:' }
}
