import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NextCursor } from '../http/schema.js'

interface Texts {
  vi: string
  en: string
}

/** Who is played here, and who is known and not served; the registry of providers has this form. */
export interface ProviderListing {
  served: readonly Readonly<{
    id: string
    label: string
    names: Texts
    login: { readonly asksPassword: boolean }
  }>[]
  unsupported: readonly Readonly<{ id: string; label: string; name: Texts; reason: Texts }>[]
}

const texts = { vi: Type.String(), en: Type.String() }
const Listed = Type.Object({
  id: Type.String({ description: 'How every call names the provider' }),
  label: Type.String({ description: 'What the portal calls it' }),
  names: Type.Object(texts),
  served: Type.Boolean(),
  asksPassword: Type.Optional(Type.Boolean({ description: 'Whether its subscribers have a password' })),
  reason: Type.Optional(Type.Object(texts, { description: 'Why it is not served' }))
})
const Providers = Type.Object({ items: Type.Array(Listed), nextCursor: NextCursor })

/** `/operator/providers`. */
export const providerList: FastifyPluginAsyncTypebox<{ providers: ProviderListing }> = async (
  app,
  { providers: { served, unsupported } }
) => {
  const items = [
    ...served.map(({ id, label, names, login }) => ({
      id,
      label,
      names,
      served: true,
      asksPassword: login.asksPassword
    })),
    ...unsupported.map(({ id, label, name, reason }) => ({ id, label, names: name, served: false, reason }))
  ]
  app.get(
    '/providers',
    {
      config: { area: 'providers' },
      schema: {
        tags: ['providers'],
        summary: 'Providers, those served first',
        description: 'Those that are known and not served come with the reason.',
        response: { 200: Providers }
      }
    },
    async () => ({ items, nextCursor: null })
  )
}
