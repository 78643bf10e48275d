import t from 'tap'
import { ServiceError } from '../../src/errors.js'
import { createAdmission } from '../../src/signing/admission.js'

/** What a refused caller hears; null: it was let in. */
function refusal(enter: () => unknown): ServiceError | null {
  try {
    enter()
    return null
  } catch (error) {
    if (error instanceof ServiceError) return error
    throw error
  }
}

t.test(
  'who would wait more than half a second for the HSM is refused at once, and told when to come back',
  async (t) => {
    const admission = createAdmission()
    const leave = Array.from({ length: 6 }, () => admission.enter(100))
    const refused = refusal(() => admission.enter(1))
    t.equal(refused?.code, 'hsm_busy')
    t.equal(refused?.retryAfterS, 1)
    leave[0]?.()
    t.equal(
      refusal(() => admission.enter(1)),
      null,
      'one has ended, so one may come in'
    )
    t.same(admission.stats(), { underWay: 6, refused: 1 })
  }
)

t.test('a large request is let in where nobody waits, and keeps others out until it ends', async (t) => {
  const admission = createAdmission()
  const leave = admission.enter(60_000)
  t.equal(refusal(() => admission.enter(1))?.code, 'hsm_busy')
  leave()
  t.equal(
    refusal(() => admission.enter(60_000)),
    null
  )
})

t.test('not more than 1,000 requests are under way, however little each costs', async (t) => {
  const admission = createAdmission()
  for (let number = 0; number < 1_000; number += 1) admission.enter(0.001)
  t.equal(refusal(() => admission.enter(0.001))?.code, 'hsm_busy')
})
