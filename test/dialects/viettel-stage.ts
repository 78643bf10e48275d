import { setTimeout as sleep } from 'node:timers/promises'
import type { Cast } from '../clients/journey.js'
import { MySignClient } from '../clients/viettel.js'

/** The demo subscriber, whose virtual phone confirms by itself. */
export const an = 'CMT_0123456789'
/** Waits until there is something. */
export async function eventually<T>(look: () => Promise<T | undefined>, patienceMs = 20_000): Promise<T> {
  const until = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error('it did not come')
    await sleep(50)
  }
}

/** Status and body of an answer, as far as a client sees more. */
export const seen = ({ status, body }: { status: number; body: unknown }) => ({ status, body })

/** A relying party of its own, and its client. */
export async function party(
  { operator }: Pick<Cast, 'operator'>,
  url: string,
  fields: Record<string, unknown> = {}
): Promise<{ client: MySignClient; clientId: string; clientSecret: string }> {
  const { status, body } = await operator.post('/relying-parties', {
    provider: 'viettel',
    name: 'Cổng thử',
    ...fields
  })
  if (status !== 201) throw new Error(JSON.stringify(body))
  const { clientId, clientSecret } = body as { clientId: string; clientSecret: string }
  return { client: new MySignClient({ url, clientId, clientSecret }), clientId, clientSecret }
}
