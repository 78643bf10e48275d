/** `message` of a transaction by its state (§3.1.3); those that ended without a signature and are not here are errors. */
export const stateMessages = {
  waiting: 'PENDING',
  signing: 'PENDING',
  signed: 'SUCCESS',
  rejected: 'REJECTED',
  expired: 'EXPIRED'
} as const
