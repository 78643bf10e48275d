import t from 'tap'
import { startWorld } from '../world.js'

interface Operation {
  summary?: string
  tags?: string[]
  requestBody?: { content: Record<string, { schema?: Schema; example?: unknown; examples?: unknown }> }
  responses: Record<string, unknown>
}
interface Schema {
  example?: unknown
  examples?: unknown
  properties?: Record<string, Schema>
}

/** They answer a probe, and can do nothing else. */
const cannotFail =
  /\/(health\/live|metrics|logo\.svg|oauth2\.(css|js)|phone\/|page\.json|page\/\{file\}|info|\.well-known\/oauth-authorization-server)$/

t.test('every route says what it does, shows a body that it takes, and lists its errors', async (t) => {
  const { url } = await startWorld(t, { seed: 'none', settings: { CSC_CREDENTIALS: 'on' } })
  const { paths } = (await (await fetch(`${url}/docs/json`)).json()) as {
    paths: Record<string, Record<string, Operation>>
  }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation
    }))
  )
  const without = (has: (operation: Operation, route: string) => boolean) =>
    operations.filter(({ operation, route }) => !has(operation, route)).map(({ route }) => route)

  t.ok(operations.length > 100)
  t.same(
    without(({ summary }) => (summary ?? '').length > 5),
    [],
    'a summary'
  )
  t.same(
    without(({ tags }) => (tags ?? []).length > 0),
    [],
    'a place among others'
  )
  t.same(
    without(
      ({ requestBody }) => requestBody === undefined || Object.values(requestBody.content).every(hasExample)
    ),
    [],
    'an example of the body, where it takes one'
  )
  t.same(
    without(
      ({ responses }, route) =>
        cannotFail.test(route) || Object.keys(responses).some((status) => /^[45]/.test(status))
    ),
    [],
    'the errors it answers with'
  )
})

/** Of the whole body, or of what is in it. */
function hasExample({
  schema,
  ...content
}: {
  schema?: Schema
  example?: unknown
  examples?: unknown
}): boolean {
  const given = (of: { example?: unknown; examples?: unknown } | undefined) =>
    of?.example !== undefined || of?.examples !== undefined
  return given(content) || given(schema) || Object.values(schema?.properties ?? {}).some(given)
}
