/** What all calls are below. */
export const apiSignCorePath = '/api/APISigncore'
/** `transactions` knows the dialect by this name. */
export const apiSignCoreId = 'apisigncore'
