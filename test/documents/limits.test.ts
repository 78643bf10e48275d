import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDocuments } from '../../src/documents/create.js'
import type { PdfRequest, PrepareRequest } from '../../src/documents/documents.js'
import { openWorkshop, type Workshop } from '../../src/documents/workshop.js'
import { ServiceError } from '../../src/errors.js'
import { openDatabase } from '../../src/store/open.js'
import { createDocumentStore } from '../../src/store/prepared-documents.js'
import { AnnexClient, certificateOctets } from '../clients/annex.js'
import { startWorld } from '../world.js'
import { onePage, pdfOf } from './made-up-pdf.js'

const at = new Date('2026-11-22T08:30:00Z')
const request = (document: Uint8Array): PdfRequest => ({
  kind: 'pdf',
  document,
  fieldName: null,
  appearance: null,
  reason: null,
  location: null,
  contact: null,
  signerName: 'Trần Thị Bình',
  signedAt: at
})
const small = () => pdfOf(onePage)
/** Takes some seconds to read. */
const endless = () => pdfOf([...onePage, ...Array.from({ length: 220_000 }, () => '[]')])

t.test('a document that takes too long is ended, and others are read beside it and afterwards', async (t) => {
  const troubles: string[] = []
  const workshop = openWorkshop({ onTrouble: (why) => troubles.push(why), timeMs: 2_000 })
  t.teardown(() => workshop.close())
  await read(workshop)
  const slow = t.rejects(workshop.run({ content: request(endless()) }), {
    code: 'request_invalid',
    says: 'The document takes more than 2 s to read.'
  })
  await read(workshop)
  await slow
  const { original, revision } = await read(workshop)
  t.ok(original.length > 0 && revision.length > 0, 'after it')
  t.same(troubles, [])
})

t.test('what a thread counts of one document does not count for the next', async (t) => {
  const workshop = openWorkshop({ onTrouble: () => undefined })
  t.teardown(() => workshop.close())
  // Each is well below what is let through; all together are not.
  const deep = () => pdfOf([...onePage, '['.repeat(60) + ']'.repeat(60)])
  for (let count = 0; count < 4; count += 1) await workshop.run({ content: request(deep()) })
  const tooDeep = pdfOf([...onePage, '['.repeat(200) + ']'.repeat(200)])
  await t.rejects(workshop.run({ content: request(tooDeep) }), { message: /deep/ })
  await workshop.run({ content: request(deep()) })
})

t.test('what waits of a relying party has a limit', async (t) => {
  const world = await startWorld(t)
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const database = await openDatabase({ connection: world.connection, log })
  t.teardown(() => database.close())
  const workshop = openWorkshop({ onTrouble: () => undefined })
  t.teardown(() => workshop.close())
  let now = at
  const { cert_data } = await new AnnexClient({
    url: world.url,
    manners: {
      certificates: '/vnpt/sca/sp769/v1/credentials/get_certificate',
      sign: '',
      status: () => '',
      namesInStatus: false,
      form: 'hex'
    }
  }).certificate('001088035895')
  const certificate = certificateOctets(cert_data)
  const ofOne = 40 * 1024
  const documents = createDocuments({
    store: createDocumentStore(database),
    workshop,
    now: () => now,
    octetsWaiting: 2 * ofOne
  })
  const prepare = (clientId: string): Promise<unknown> =>
    documents.prepare({
      owner: { provider: 'vnpt', clientId },
      batch: null,
      certificate,
      content: request(small())
    } satisfies PrepareRequest)
  const full = { code: 'too_many_requests', retryAfterS: 3600 }

  const { document } = await documents.prepare({
    owner: { provider: 'vnpt', clientId: 'first' },
    batch: null,
    certificate,
    content: request(small())
  })
  t.ok(document.length > ofOne / 2 && document.length <= ofOne, 'two fit, three do not')
  await prepare('first')
  await t.rejects(prepare('first'), full)
  await prepare('second')
  t.pass('another has room of its own')

  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => prepare('third')))
  t.equal(
    outcomes.filter(({ status }) => status === 'fulfilled').length,
    2,
    'also of those that come together'
  )

  now = new Date(at.getTime() + 3_600_001)
  await prepare('first')
  t.pass('what waited its hour makes room')
})

/** A small document; again, where a busy machine could not even start the thread in time. */
async function read(workshop: Workshop) {
  for (;;) {
    try {
      return await workshop.run({ content: request(small()) })
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      await sleep(50)
    }
  }
}
