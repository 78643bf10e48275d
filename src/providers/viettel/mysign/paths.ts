/** Where the present gateway has its calls (§4.1). */
export const gateway = '/vtss/service'

/**
 * Where the calls under `ras` are: in the present gateway and in the oldest generation of it. The same routes answer at
 * each, for nothing but the path tells the generations apart.
 */
export const rasRoots = [`${gateway}/ras`, '/adss/service/ras'] as const
