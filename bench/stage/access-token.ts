import type { Population } from '../prepare/protocol.js'

/** An access token of the relying party. @param base Of the CSC API v2. @throws Error when there is none. */
export async function accessToken(base: string, { clientId, clientSecret }: Population): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret
  })
  const answer = await fetch(`${base}/oauth2/token`, { method: 'POST', body })
  const { access_token } = (await answer.json()) as { access_token?: string }
  if (access_token === undefined) throw new Error(`no access token: ${answer.status}`)
  return access_token
}
