/** What the portal remembers, in memory: it is an example, and a restart forgets everything. */
import type { Draft } from './domain/draft.js'
import { dossierNumber } from './domain/numbers.js'
import type { Payment } from './domain/payment.js'
import { Refusal } from './domain/refusal.js'
import { inForceOf, type Registration } from './domain/registration.js'

/** Records a portal holds at most; a PDF has some tens of kilobytes. */
export const registrationsMax = 300
export const paymentsMax = 500
/** Unfinished forms: the oldest goes when one more comes. */
export const draftsMax = 200

export type Store = ReturnType<typeof createStore>

/** @param now The portal's clock, for numbers. */
export function createStore(now: () => Date) {
  const registrations = new Map<string, Registration>()
  const payments = new Map<string, Payment>()
  const drafts = new Map<string, Draft>()

  return {
    /** A number that no dossier has. */
    newNumber: (unitCode: string): string =>
      dossierNumber(unitCode, now(), (number) => registrations.has(number) || payments.has(number)),

    registrations: collection(registrations, registrationsMax),
    payments: collection(payments, paymentsMax),

    /** What a unit uses now; null: nothing was approved yet. */
    inForce: (unitCode: string): Registration | null => inForceOf(registrations.values(), unitCode),

    drafts: {
      find: (id: string): Draft | null => drafts.get(id) ?? null,
      put(draft: Draft): void {
        drafts.delete(draft.id)
        drafts.set(draft.id, draft)
        const [oldest] = drafts.keys()
        if (drafts.size > draftsMax && oldest !== undefined) drafts.delete(oldest)
      },
      remove: (id: string): void => void drafts.delete(id)
    }
  }
}

/** Records by number, newest first in lists. `put` takes the place of an older state of the same record. */
function collection<Item extends { number: string }>(items: Map<string, Item>, max: number) {
  return {
    find: (number: string): Item | null => items.get(number) ?? null,
    all: (): Item[] => [...items.values()].reverse(),
    /** @throws Refusal when it is full. */
    put(item: Item): void {
      if (!items.has(item.number) && items.size >= max)
        throw new Refusal('form', `Cổng mẫu chỉ giữ ${max} hồ sơ. Hãy khởi động lại cổng để làm trống.`)
      items.set(item.number, item)
    }
  }
}
