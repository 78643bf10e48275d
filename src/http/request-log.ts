import type { FastifyBaseLogger } from 'fastify'

const methods = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent', 'child'] as const

/**
 * A request's log: a child of the server's that is made when its first line is written. Most requests write none, and
 * making a child costs as much as a line.
 */
export class RequestLog implements FastifyBaseLogger {
  declare readonly fatal: FastifyBaseLogger['fatal']
  declare readonly error: FastifyBaseLogger['error']
  declare readonly warn: FastifyBaseLogger['warn']
  declare readonly info: FastifyBaseLogger['info']
  declare readonly debug: FastifyBaseLogger['debug']
  declare readonly trace: FastifyBaseLogger['trace']
  declare readonly silent: FastifyBaseLogger['silent']
  declare readonly child: FastifyBaseLogger['child']
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Record<string, unknown>
  #made: FastifyBaseLogger | null = null

  static {
    for (const method of methods) {
      const value = function (this: RequestLog, ...line: unknown[]) {
        this.#made ??= this.#parent.child(this.#bindings)
        return Reflect.apply(this.#made[method], this.#made, line)
      }
      Object.defineProperty(RequestLog.prototype, method, { value })
    }
  }

  /** @param bindings Members of every line. */
  constructor(parent: FastifyBaseLogger, bindings: Record<string, unknown>) {
    this.#parent = parent
    this.#bindings = bindings
  }

  get level() {
    return this.#parent.level
  }
}
