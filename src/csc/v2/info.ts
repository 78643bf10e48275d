import { Type } from 'typebox'
import { signAlgorithmOids } from '../algorithms.js'
import type { ApiRoutes } from '../deps.js'

const Info = Type.Object({
  specs: Type.String({ description: 'Version of the specification.' }),
  name: Type.String(),
  logo: Type.String({ description: 'Address of an image.' }),
  region: Type.String({ description: 'ISO 3166-1 alpha-2.' }),
  lang: Type.String({ description: 'RFC 5646.' }),
  description: Type.String(),
  authType: Type.Array(Type.String()),
  oauth2: Type.String({ description: 'Base of the OAuth 2.0 endpoints.' }),
  methods: Type.Array(Type.String({ description: 'Those that answer; those of OAuth are left out.' })),
  validationInfo: Type.Boolean(),
  asynchronousOperationMode: Type.Boolean(),
  signAlgorithms: Type.Object({ algos: Type.Array(Type.String()), algoParams: Type.Array(Type.String()) }),
  signature_formats: Type.Object({
    formats: Type.Array(Type.String()),
    envelope_properties: Type.Array(Type.Array(Type.String()))
  }),
  conformance_levels: Type.Array(Type.String())
})

/** `info`, CSC API v2 §11.1: the only method that needs no token. Answers GET as well, since clients use it. */
export const info: ApiRoutes = async (app, { provider, publicUrl, base, methods, lenient }) => {
  const answer = () => ({
    specs: '2.0.0.2',
    name: provider.name,
    logo: `${publicUrl}/${provider.id}/csc/logo.svg`,
    region: provider.region,
    lang: 'vi',
    description: provider.description,
    authType: [...(provider.login.asksPassword ? ['basic'] : []), 'oauth2code', 'oauth2client'],
    oauth2: base,
    methods: [...methods],
    validationInfo: false,
    asynchronousOperationMode: true,
    signAlgorithms: { algos: [...signAlgorithmOids], algoParams: [] },
    // Documents are not signed here, only digests: no formats, no levels.
    signature_formats: { formats: [], envelope_properties: [] },
    conformance_levels: []
  })
  for (const method of lenient('csc.get-info') ? (['POST', 'GET'] as const) : (['POST'] as const)) {
    app.route({
      method,
      url: '/info',
      schema: {
        tags: ['CSC v2'],
        summary: 'What this service is and offers',
        description: method === 'GET' ? 'A courtesy: the standard knows only POST.' : 'CSC API v2 §11.1.',
        response: { 200: Info }
      },
      handler: async () => answer()
    })
  }
}
