/** What both calls are below: version 2 of sp769. */
export const thPath = '/sca/sp769/v2/signatures'
