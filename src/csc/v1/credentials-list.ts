import { Type } from 'typebox'
import { grantOf, requireToken } from '../bearer.js'
import type { ApiRoutes } from '../deps.js'
import { invalidRequest } from '../faults.js'
import { parameter } from '../validation.js'
import { malformedText } from './words.js'

/** Most credentials on a page. */
const pageMax = 100
/** Begins every page token; what follows is the last credential of the page before. */
const pageTokenForm = /^1:([!-~]{1,64})$/

const Body = Type.Object({
  userID: Type.Optional(
    parameter(
      Type.String({
        examples: ['001088035895'],
        minLength: 1,
        maxLength: 128,
        pattern: '^[^\\u0000-\\u001f]+$',
        description: 'The subscriber, by login; not with a token that is a subscriber’s own.'
      }),
      { type: 'Invalid parameter userID' }
    )
  ),
  maxResults: Type.Optional(Type.Unknown({ description: `1 to ${pageMax}; anything else counts as that.` })),
  pageToken: Type.Optional(
    parameter(Type.String({ maxLength: 128 }), { type: 'Invalid parameter pageToken' })
  ),
  clientData: Type.Optional(
    parameter(Type.String({ maxLength: 4096 }), { type: 'Invalid parameter clientData' })
  )
})
const Reply = Type.Object({
  credentialIDs: Type.Array(Type.String()),
  nextPageToken: Type.Optional(Type.String({ description: 'Absent on the last page.' }))
})

/** `credentials/list`, CSC API v1 §11.4. */
export const credentialsList: ApiRoutes = async (app, { provider, audience, access, directory }) => {
  app.post(
    '/credentials/list',
    {
      onRequest: requireToken(access, provider.id, audience, malformedText),
      config: { named: 'userID' },
      schema: {
        tags: ['CSC v1'],
        summary: 'Credentials of a subscriber',
        description: 'CSC API v1 §11.4. RSA credentials come first.',
        body: Body,
        response: { 200: Reply }
      }
    },
    async (request) => {
      const { userID, maxResults, pageToken } = request.body
      const { subscriberId } = grantOf(request)
      if (subscriberId !== null && userID !== undefined) throw invalidRequest('userID parameter MUST be null')
      const subscriber =
        subscriberId !== null
          ? await directory.subscriber(subscriberId)
          : userID === undefined
            ? null
            : await directory.subscriberByLogin(provider.id, userID)
      if (subscriber === null) throw invalidRequest('Invalid parameter userID')
      const all = (await directory.credentialsOf(subscriber.id)).map(({ id }) => id)
      const begin = pageToken === undefined ? 0 : beginOf(pageToken, all)
      const end = begin + pageSize(maxResults)
      const credentialIDs = all.slice(begin, end)
      const last = credentialIDs.at(-1)
      return {
        credentialIDs,
        ...(end < all.length && last !== undefined ? { nextPageToken: pageTokenAfter(last) } : {})
      }
    }
  )
}

/** What cannot be a number of results is no fault: the service's own maximum counts then. */
const pageSize = (wanted: unknown): number =>
  typeof wanted === 'number' && Number.isInteger(wanted) && wanted >= 1 ? Math.min(wanted, pageMax) : pageMax

const pageTokenAfter = (credentialId: string): string =>
  Buffer.from(`1:${credentialId}`).toString('base64url')

/** A token is good for the subscriber whose list it is from, and as long as that credential is on it. */
function beginOf(pageToken: string, all: readonly string[]): number {
  const last = pageTokenForm.exec(Buffer.from(pageToken, 'base64url').toString('latin1'))?.[1]
  const index = last === undefined ? -1 : all.indexOf(last)
  if (index === -1) throw invalidRequest('Invalid parameter pageToken')
  return index + 1
}
