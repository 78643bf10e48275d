/** The only source of time the middle floor knows; `server.ts` passes it in, a test passes one it can move. */
export type Clock = () => Date
