import { Type } from 'typebox'
import type { ApiRoutes } from '../deps.js'
import { languageOf, presentation } from '../presentation.js'
import { parameter } from '../validation.js'

const Body = Type.Object({
  lang: Type.Optional(
    parameter(
      Type.String({ maxLength: 35, description: 'RFC 5646; vi or en are answered in.', examples: ['vi'] }),
      {
        type: 'Invalid parameter lang'
      }
    )
  )
})
const Info = Type.Object({
  specs: Type.String({ description: 'Version of the specification.' }),
  name: Type.String(),
  logo: Type.String({ description: 'Address of an image.' }),
  region: Type.String({ description: 'ISO 3166-1 alpha-2.' }),
  lang: Type.String({ description: 'RFC 5646.' }),
  description: Type.String(),
  authType: Type.Array(Type.String()),
  oauth2: Type.String({ description: 'Base of the OAuth 2.0 endpoints.' }),
  methods: Type.Array(Type.String())
})

/** `info`, CSC API v1 §11.1: the only method that needs no token. */
export const info: ApiRoutes = async (app, { provider, publicUrl, base, specs, methods, lenient }) => {
  const { asksPassword } = provider.login
  const answer = (lang: string | undefined) => ({
    specs,
    ...presentation(provider, languageOf(lang)),
    logo: `${publicUrl}/${provider.id}/csc/logo.svg`,
    region: provider.region,
    authType: [...(asksPassword ? ['basic'] : []), 'oauth2code', 'oauth2client'],
    oauth2: base,
    methods: [...methods]
  })
  const described = { tags: ['CSC v1'], summary: 'What this service is and offers', response: { 200: Info } }
  app.post(
    '/info',
    { schema: { ...described, description: 'CSC API v1 §11.1.', body: Body } },
    async ({ body }) => answer(body.lang)
  )
  if (!lenient('csc.get-info')) return
  app.get(
    '/info',
    { schema: { ...described, description: 'A courtesy: the standard knows only POST.' } },
    async () => answer(undefined)
  )
}
