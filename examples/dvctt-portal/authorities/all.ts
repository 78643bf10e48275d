import { createMisa } from './misa.js'
import { createNacencomm } from './nacencomm.js'
import type { RemoteAuthority } from './remote-authority.js'
import { createViettel } from './viettel.js'
import { createVnpt } from './vnpt.js'

/**
 * The providers of the Treasury's list, in its order, all at one server that plays them: each below its own name. Real
 * ones have a host each, which then stands in the place of `url`, and each gives the portal an id and a secret of its own.
 * @param baseUrl Without a slash at the end.
 */
export function createAuthorities({
  baseUrl,
  clientId,
  clientSecret
}: {
  baseUrl: string
  clientId: string
  clientSecret: string
}): readonly RemoteAuthority[] {
  const at = (provider: string) => ({ url: `${baseUrl}/${provider}`, clientId, clientSecret })
  return [
    createViettel(at('viettel')),
    createVnpt(at('vnpt')),
    createMisa(at('misa')),
    createNacencomm(at('nacencomm'))
  ]
}
