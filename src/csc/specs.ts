import { StartError } from '../errors.js'

/** What `info.specs` says unless the setting CSC_SPECS says otherwise. The text of v1.0.4.0 itself has `1.0.3.0`. */
const byDefault = new Map([
  ['v1', '1.0.3.0'],
  ['v2', '2.0.0.2']
])

/** `v1=1.0.4.0` for all providers, `misa/v2=2.2.0.0` for one. */
const form = /^(?:([a-z][a-z0-9-]*)\/)?(v1|v2)=([0-9]+(?:\.[0-9]+){3})$/

/**
 * Reads the setting CSC_SPECS.
 * @param entries What stood between its commas.
 * @returns The `specs` of a version at a provider. @throws StartError naming the entry that cannot be used.
 */
export function readSpecs(
  entries: readonly string[],
  providers: readonly string[]
): (provider: string, version: 'v1' | 'v2') => string {
  const given = new Map<string, string>()
  for (const entry of entries) {
    const [, provider, version = '', specs = ''] = form.exec(entry) ?? []
    const major = version === 'v1' ? '1.' : '2.'
    if (
      !specs.startsWith(major) ||
      version === '' ||
      (provider !== undefined && !providers.includes(provider))
    )
      throw new StartError(
        `CSC_SPECS must be entries such as v1=1.0.4.0 or misa/v2=2.2.0.0, separated by commas, not "${entry}".`
      )
    given.set(provider === undefined ? version : `${provider}/${version}`, specs)
  }
  return (provider, version) =>
    given.get(`${provider}/${version}`) ?? given.get(version) ?? byDefault.get(version) ?? ''
}
