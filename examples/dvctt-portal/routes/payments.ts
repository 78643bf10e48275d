import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { paymentOrderOf } from '../documents.js'
import { readLogin } from '../domain/certificate-lookup.js'
import { accepted, payment, submitted } from '../domain/payment.js'
import { checkPayment, type TypedPayment } from '../domain/payment-check.js'
import { Refusal } from '../domain/refusal.js'
import { paymentTask } from '../domain/tasks.js'
import { paymentPage } from '../pages/payment.js'
import { examplePayment, linesMax, type PaymentFields, paymentForm } from '../pages/payment-form.js'
import { found, goTo, type Numbered, type RouteDeps, send, sendPdf, settingOf } from './deps.js'
import { formOf, line, password } from './forms.js'

/** Payment dossiers of units whose registration is approved. */
export function registerPayments(app: FastifyInstance, deps: RouteDeps): void {
  const { store, approvals, authorities, now } = deps

  const show = (request: FastifyRequest, reply: FastifyReply, number: string, faults: string[] = []) => {
    const one = found(store.payments.find(number))
    const view = { inForce: found(store.inForce(one.unitCode)), approval: approvals.lastOf(number), faults }
    return send(reply, paymentPage(one, view, settingOf(deps, request, reply)), faults.length > 0 ? 409 : 200)
  }
  /** A unit may make dossiers once the treasury has approved its registration. */
  const registrationOf = (unitCode: string) => {
    const inForce = store.inForce(unitCode)
    if (inForce === null)
      throw new Refusal('order', 'Đơn vị chưa có đăng ký được Kho bạc phê duyệt. Hãy đăng ký trước.')
    return inForce
  }

  app.get<{ Querystring: { unit?: string } }>('/payments/new', async (request, reply) => {
    const unit = registrationOf(String(request.query.unit ?? ''))
    return send(reply, paymentForm(unit, examplePayment, [], settingOf(deps, request, reply)))
  })

  app.post('/payments', async (request, reply) => {
    const form = formOf(request)
    const unit = registrationOf(line(form, 'unit'))
    const fields: PaymentFields = Object.fromEntries([...form.keys()].map((name) => [name, line(form, name)]))
    const checked = checkPayment(read(form), unit)
    if ('faults' in checked)
      return send(reply, paymentForm(unit, fields, checked.faults, settingOf(deps, request, reply)), 422)
    const number = store.newNumber(unit.unit.code)
    const createdAt = now()
    const document = await paymentOrderOf({ ...checked.content, number, createdAt })
    store.payments.put(payment(checked.content, number, createdAt, document))
    return goTo(reply, `/payments/${number}`)
  })

  app.get<Numbered>('/payments/:number', async (request, reply) =>
    show(request, reply, request.params.number)
  )

  app.post<Numbered>('/payments/:number/submit', async ({ params }, reply) => {
    store.payments.put(submitted(found(store.payments.find(params.number))))
    return goTo(reply, `/payments/${params.number}`)
  })

  app.post<Numbered>('/payments/:number/approve', async (request, reply) => {
    const { number } = found(store.payments.find(request.params.number))
    const form = formOf(request)
    try {
      const typed = {
        authority: line(form, 'authority'),
        login: line(form, 'login'),
        password: password(form)
      }
      const { authority, login } = readLogin(authorities, typed)
      const task = paymentTask(
        store,
        number,
        form.has('accountHolder') ? line(form, 'accountHolder') : null,
        now
      )
      const who = { authority: authority.id, login: login.name, password: login.password }
      return goTo(reply, `/approvals/${(await approvals.start(task, who)).id}`)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return show(request, reply, number, [error.message])
    }
  })

  app.post<Numbered>('/payments/:number/accept-by-treasury', async ({ params }, reply) => {
    store.payments.put(accepted(found(store.payments.find(params.number))))
    return goTo(reply, `/payments/${params.number}`)
  })

  app.get<{ Params: { number: string; name: string } }>(
    '/payments/:number/files/:name',
    async ({ params }, reply) =>
      sendPdf(reply, [found(store.payments.find(params.number)).document], params.name)
  )
}

function read(form: URLSearchParams): TypedPayment {
  const of = (name: string) => line(form, name)
  return {
    ...{ preparedBy: of('preparedBy'), account: of('account'), purpose: of('purpose') },
    ...{ beneficiary: of('beneficiary'), beneficiaryAccount: of('beneficiaryAccount') },
    beneficiaryBank: of('beneficiaryBank'),
    lines: Array.from({ length: linesMax }, (_, index) => ({
      content: of(`content${index}`),
      budgetCode: of(`budget${index}`),
      amount: of(`amount${index}`)
    }))
  }
}
