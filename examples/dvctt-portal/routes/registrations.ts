import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { declarationsOf } from '../documents.js'
import { readLogin } from '../domain/certificate-lookup.js'
import { Refusal } from '../domain/refusal.js'
import { approved, asInForce, completed, mustBe } from '../domain/registration.js'
import { declarationsTask } from '../domain/tasks.js'
import { registrationPage } from '../pages/registration.js'
import { found, goTo, type Numbered, type RouteDeps, send, sendPdf, settingOf } from './deps.js'
import { formOf, line, password } from './forms.js'

/** A registration after it was written down, to the treasury's approval. */
export function registerRegistrations(app: FastifyInstance, deps: RouteDeps): void {
  const { store, approvals, authorities, now } = deps

  const show = (request: FastifyRequest, reply: FastifyReply, number: string, faults: string[] = []) => {
    const one = found(store.registrations.find(number))
    const view = { inForce: store.inForce(one.unit.code), approval: approvals.lastOf(number), faults }
    const page = registrationPage(one, view, settingOf(deps, request, reply))
    return send(reply, page, faults.length > 0 ? 409 : 200)
  }

  app.get<Numbered>('/registrations/:number', async (request, reply) =>
    show(request, reply, request.params.number)
  )

  app.post<Numbered>('/registrations/:number/complete', async ({ params }, reply) => {
    const one = found(store.registrations.find(params.number))
    mustBe(one, 'incomplete')
    const declarations = await declarationsOf(one)
    // Another tab may have been faster while the declarations were made.
    store.registrations.put(completed(found(store.registrations.find(one.number)), declarations))
    return goTo(reply, `/registrations/${one.number}`)
  })

  app.post<Numbered>('/registrations/:number/approve', async (request, reply) => {
    const { number } = found(store.registrations.find(request.params.number))
    const form = formOf(request)
    try {
      const typed = {
        authority: line(form, 'authority'),
        login: line(form, 'login'),
        password: password(form)
      }
      const { authority, login } = readLogin(authorities, typed)
      const task = declarationsTask(store, number, now)
      const who = { authority: authority.id, login: login.name, password: login.password }
      return goTo(reply, `/approvals/${(await approvals.start(task, who)).id}`)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return show(request, reply, number, [error.message])
    }
  })

  app.post<Numbered>('/registrations/:number/approve-by-treasury', async ({ params }, reply) => {
    const one = found(store.registrations.find(params.number))
    store.registrations.put(approved(one, asInForce(store.inForce(one.unit.code)), now()))
    return goTo(reply, `/registrations/${one.number}`)
  })

  app.get<{ Params: { number: string; name: string } }>(
    '/registrations/:number/files/:name',
    async ({ params }, reply) =>
      sendPdf(reply, found(store.registrations.find(params.number)).declarations, params.name)
  )
}
