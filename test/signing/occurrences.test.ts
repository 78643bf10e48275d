import { createHash } from 'node:crypto'
import t from 'tap'
import { indexDigests } from '../../src/activation/digest-index.js'
import { matchOccurrences } from '../../src/signing/occurrences.js'

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest()
const [a, b, c] = [digest('a'), digest('b'), digest('c')]

t.test('occurrences of approved digests (I3, I4)', async (t) => {
  await t.test('order does not matter, and the first free occurrence of a digest is taken', async (t) => {
    t.same(matchOccurrences(indexDigests([a, b, a]), '000', [b, a]), {
      found: true,
      positions: [1, 0],
      mask: '110'
    })
  })
  await t.test('a digest approved twice may be taken twice and not three times', async (t) => {
    t.same(matchOccurrences(indexDigests([a, a]), '00', [a, a]), {
      found: true,
      positions: [0, 1],
      mask: '11'
    })
    t.same(matchOccurrences(indexDigests([a, a]), '00', [a, a, a]), { found: false, why: 'taken' })
  })
  await t.test('what was taken before is not taken again', async (t) => {
    t.same(matchOccurrences(indexDigests([a, a, b]), '100', [a]), {
      found: true,
      positions: [1],
      mask: '010'
    })
    t.same(matchOccurrences(indexDigests([a, b]), '10', [b, a]), { found: false, why: 'taken' })
  })
  await t.test('a digest nobody approved is told apart from one that is used up', async (t) => {
    t.same(matchOccurrences(indexDigests([a, b]), '11', [c]), { found: false, why: 'foreign' })
  })
})
