import type { CredentialChange } from './oauth.js'

/** Scopes of tokens that are good for one change of a person's credentials (CSC API 2.2). */
export const credentialChanges = ['credential-creation', 'credential-deletion'] as const

/** Whether a token of that scope is for such a change. */
export const isChange = (scope: string): scope is CredentialChange =>
  credentialChanges.some((change) => change === scope)

/** The scope as a token has it: with the credential that it is bound to, where the person saw one. */
export const boundScope = (change: CredentialChange, credentialId: string | null): string =>
  credentialId === null ? change : `${change} ${credentialId}`

/** Reads it again; null: the scope is another one. */
export function readBoundScope(
  scope: string
): { change: CredentialChange; credentialId: string | null } | null {
  const [change = '', credentialId = null] = scope.split(' ')
  return isChange(change) ? { change, credentialId } : null
}
