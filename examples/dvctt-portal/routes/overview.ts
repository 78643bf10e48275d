import type { FastifyInstance } from 'fastify'
import { approvalPage } from '../pages/approval.js'
import { homePage } from '../pages/home.js'
import { treasuryPage } from '../pages/treasury.js'
import { found, type RouteDeps, send } from './deps.js'

/** The first page, the treasury's, and the one to wait on. */
export function registerOverview(app: FastifyInstance, { store, approvals, forms }: RouteDeps): void {
  app.get('/', async (request, reply) =>
    send(reply, homePage(forms.csrf(request, reply), store.registrations.all(), store.payments.all()))
  )

  app.get('/treasury', async (request, reply) => {
    const waiting = <Item extends { state: string }>(all: Item[]) =>
      all.filter(({ state }) => state === 'sent')
    return send(
      reply,
      treasuryPage(
        forms.csrf(request, reply),
        waiting(store.registrations.all()),
        waiting(store.payments.all())
      )
    )
  })

  app.get<{ Params: { id: string } }>('/approvals/:id', async (request, reply) => {
    const approval = found(approvals.find(request.params.id))
    if (approval.state === 'asking' || approval.state === 'waiting')
      return send(reply, approvalPage(approval))
    const folder = store.payments.find(approval.number) === null ? 'registrations' : 'payments'
    return reply.redirect(`/${folder}/${approval.number}`, 303)
  })

  app.get<{ Params: { id: string } }>('/approvals/:id/status', async ({ params }) => ({
    state: found(approvals.find(params.id)).state
  }))
}
