import { Type } from 'typebox'
import { ServiceError } from '../../errors.js'
import type { Provider, UnsupportedProvider } from '../provider.js'

/** The member that says which CA is meant. */
export const caName = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Name of the CA, such as VNPT-CA'
})

/**
 * The provider behind a `ca_name`.
 * @throws ServiceError `not_offered` for a CA that is known and not served, `request_invalid` for a name nobody has.
 */
export function providerOf(
  name: string,
  { providers, unsupported }: { providers: readonly Provider[]; unsupported: readonly UnsupportedProvider[] }
): Provider {
  const provider = providers.find((one) => isCalled(one, name))
  if (provider !== undefined) return provider
  const known = unsupported.find((one) => isCalled(one, name))
  if (known !== undefined)
    throw new ServiceError('not_offered', `${known.id} is not served`, {
      says: known.reason.vi,
      field: 'ca_name'
    })
  throw new ServiceError('request_invalid', 'no CA has this name', {
    says: `ca_name is none of: ${providers.map(({ caNames, label }) => caNames[0] ?? label).join(', ')}.`,
    field: 'ca_name'
  })
}

const isCalled = ({ id, label, caNames }: Provider | UnsupportedProvider, name: string): boolean =>
  [id, label, ...caNames].some((known) => known.toLowerCase() === name.trim().toLowerCase())
