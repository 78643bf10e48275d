/** The rules of the treasury's letters, by the names that rules.ts explains; `order` and `form` are the portal's own. */
export type RuleName = 'R1' | 'R2' | 'R3' | 'R4' | 'R5' | 'R6' | 'R7' | 'people' | 'order' | 'form'

/** What a person wants is not allowed. `message` is a Vietnamese sentence that says why and what to do. */
export class Refusal extends Error {
  constructor(
    readonly rule: RuleName,
    message: string
  ) {
    super(message)
    this.name = 'Refusal'
  }
}
