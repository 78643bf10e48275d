/** Of the standard that an API follows. */
export type Version = 'v1' | 'v2'

/** By what its tokens are issued for. */
export const versionOf = (audience: string): Version => (audience === 'csc/v1' ? 'v1' : 'v2')

/** Under which its calls are listed in the API description. */
export const tagOf = (version: Version): string => `CSC ${version}`
