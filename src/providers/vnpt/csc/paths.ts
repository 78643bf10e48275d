/** `transactions` and callbacks know the dialect by this name. */
export const smartCaCscId = 'smartca-csc'

/** What its tokens are issued for; they open no other surface, the standard's CSC API included. */
export const audience = 'vnpt-csc'

/** Path of the OAuth calls. */
export const authPath = '/auth'
/** Path of what tells of a person. */
export const identityPath = '/identityapi/userinfo'
/** Paths of the calls of CSC's kind. The standard's own API is at `/csc/v1` and `/csc/v2`. */
export const credentialsPath = '/csc/credentials'
export const signaturePath = '/csc/signature'

/** Under which its calls are listed in the API description. */
export const tag = 'VNPT OAuth and CSC'
