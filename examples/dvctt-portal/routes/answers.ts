/** What every answer carries, and what people see when something cannot be done. */
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { Refusal } from '../domain/refusal.js'
import { problemPage } from '../pages/problem.js'
import { NotFound, send } from './deps.js'
import { ForeignForm } from './forms.js'

/** Own files only, no script in a page, no frame around it, forms to nowhere else. */
const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Names of this machine. By any other a page elsewhere could have led a browser here. */
const ownHost = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/

export function registerAnswers(
  app: FastifyInstance,
  log: { error(about: object, message: string): void }
): void {
  app.addHook('onRequest', async (request, reply) => {
    if (ownHost.test(request.host)) return
    return send(
      reply,
      problemPage('Sai địa chỉ', 'Cổng mẫu chỉ trả lời ở địa chỉ của chính máy này.', home),
      421
    )
  })

  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store'
    })
  })

  app.setNotFoundHandler(async (_request, reply) => send(reply, notThere(), 404))

  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    if (error instanceof Refusal)
      return send(reply, problemPage('Chưa được', error.message, backFrom(request)), 409)
    if (error instanceof NotFound) return send(reply, notThere(), 404)
    if (error instanceof ForeignForm) {
      const message =
        'Biểu mẫu này không phải của trang đang mở, hoặc cổng đã khởi động lại. Hãy tải lại trang.'
      return send(reply, problemPage('Biểu mẫu đã cũ', message, backFrom(request)), 403)
    }
    const status = error.statusCode ?? 500
    if (status < 500)
      return send(
        reply,
        problemPage('Yêu cầu không đúng', 'Cổng không đọc được yêu cầu này. Hãy thử lại.', backFrom(request)),
        status
      )
    log.error({ err: error, url: request.url }, 'request failed')
    const message = 'Cổng gặp lỗi khi xử lý. Hãy thử lại; chi tiết nằm trong nhật ký của cổng.'
    return send(reply, problemPage('Có lỗi', message, backFrom(request)), 500)
  })
}

const home = { href: '/', label: 'Về trang đầu' }

const notThere = () =>
  problemPage(
    'Không tìm thấy',
    'Không có trang hoặc hồ sơ này. Cổng mẫu quên mọi hồ sơ khi khởi động lại.',
    home
  )

/** The page of the dossier that a request was about. */
function backFrom({ url }: FastifyRequest): { href: string; label: string } {
  const dossier = /^\/(?:registrations|payments|drafts)\/[\w-]{20,40}(?=\/|$)/.exec(url)?.[0]
  return dossier === undefined ? home : { href: dossier, label: 'Về hồ sơ' }
}
