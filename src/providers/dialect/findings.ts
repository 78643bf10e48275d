import type { RelyingParty } from '../../access/access.js'
import { type ErrorCode, ServiceError } from '../../errors.js'
import type { Diagnosis } from '../../transactions/request-notes.js'

/** What a lenient reading of one request found wrong. */
export class Findings {
  readonly #mode: RelyingParty['mode']
  readonly #diagnoses: Diagnosis[] = []

  /** @param mode The relying party's. */
  constructor(mode: RelyingParty['mode']) {
    this.#mode = mode
  }

  get diagnoses(): readonly Diagnosis[] {
    return this.#diagnoses
  }

  /**
   * A mistake after which it is still clear what was meant: noted, and accepted from a lenient relying party.
   * @throws ServiceError `code` for a strict one.
   */
  forgive(diagnosis: Diagnosis, code: ErrorCode = 'request_invalid'): void {
    if (this.#mode === 'strict') this.refuse(diagnosis, code)
    this.#note(diagnosis)
  }

  /** A mistake that leaves open what was meant: noted and refused. @throws ServiceError */
  refuse(diagnosis: Diagnosis, code: ErrorCode = 'request_invalid'): never {
    this.#note(diagnosis)
    const { found, remedy, field } = diagnosis
    throw new ServiceError(code, `${diagnosis.code}: ${found}`, {
      says: `${found} ${remedy}`,
      ...(field === null ? {} : { field })
    })
  }

  /** The same mistake in every document of a batch is one mistake. */
  #note(diagnosis: Diagnosis): void {
    if (!this.#diagnoses.some(({ code }) => code === diagnosis.code)) this.#diagnoses.push(diagnosis)
  }
}
