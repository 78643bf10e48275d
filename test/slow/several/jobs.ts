import { type Cast, castAt, digestOf, type Person } from '../../clients/journey.js'
import { ecdsaSha256Oid, type Portal, rsaSha256Oid } from '../../clients/portal.js'
import { type Ledger, patiently, type Redemption } from './ledger.js'

/** Who takes part in a job: all talk to the one address, but for `direct`, which names each server. */
export interface Company {
  cast: Cast
  direct: readonly Portal[]
  /** Another relying party, and another person. */
  stranger: Portal
  other: Person
  ledger: Ledger
}

/** A person and the algorithm of their credential. */
export interface Signer {
  person: Person
  signAlgo: string
}

export const signerOf = (person: Person, algorithm: string): Signer => ({
  person,
  signAlgo: algorithm === 'RSA-2048' ? rsaSha256Oid : ecdsaSha256Oid
})

interface Approved {
  activationId: string
  sad: string
  digests: Buffer[]
}

let documentNumber = 0

/** Digests of documents that nobody has seen. */
function newDigests(ledger: Ledger, count: number): Buffer[] {
  return Array.from({ length: count }, () => {
    documentNumber += 1
    const text = `document ${documentNumber}`
    const digest = digestOf(text)
    ledger.documents.set(digest.toString('base64'), text)
    return digest
  })
}

/** Asks and confirms. @throws Error when an answer is missing: a server went away. */
async function approve({ cast, ledger }: Company, { person }: Signer, digests: Buffer[]): Promise<Approved> {
  const { handle, sad } = await cast.approve(person, digests)
  for (const digest of digests) {
    const key = `${handle} ${digest.toString('base64')}`
    ledger.approved.set(key, (ledger.approved.get(key) ?? 0) + 1)
  }
  return { activationId: handle, sad, digests }
}

function redeemer({ cast, direct, ledger }: Company, { person, signAlgo }: Signer, approved: Approved) {
  const { credentialID } = person
  return (via: number | 'front', digests: readonly Uint8Array[] = approved.digests): Promise<Redemption> =>
    ledger.redeem({ activationId: approved.activationId, credentialID, via, digests }, async () => {
      const portal = via === 'front' ? cast.portal : direct[via]
      if (portal === undefined) throw new RangeError(`there is no server ${via}`)
      return portal.sign(credentialID, approved.sad, digests, signAlgo)
    })
}

const signedAmong = (redemptions: readonly Redemption[]): Redemption[] =>
  redemptions.filter(({ outcome }) => outcome === 'signed')
const allKnown = (redemptions: readonly Redemption[]): boolean =>
  redemptions.every(({ outcome }) => outcome !== 'unknown')

/** The same SAD and digests, to all servers at once and once more through the front: one is answered, no more. */
export async function replay(company: Company, signer: Signer): Promise<void> {
  const approved = await approve(company, signer, newDigests(company.ledger, 1 + (documentNumber % 3)))
  const redeem = redeemer(company, signer, approved)
  const all = await Promise.all([0, 1, 2, 'front' as const].map((via) => redeem(via)))
  const signed = signedAmong(all).length
  company.ledger.expect(signed <= 1, `${signed} of four equal requests were signed`)
  company.ledger.expect(signed === 1 || !allKnown(all), 'of four equal requests none was signed')
}

/** Batches that overlap: each is signed whole or not at all, and what is left over can still be signed. */
export async function overlap(company: Company, signer: Signer): Promise<void> {
  const { ledger } = company
  const digests = newDigests(ledger, 4)
  const [a, b, c, d] = digests as [Buffer, Buffer, Buffer, Buffer]
  const approved = await approve(company, signer, digests)
  const redeem = redeemer(company, signer, approved)
  const all = await Promise.all([
    redeem(0, [a, b]),
    redeem(1, [b, c]),
    redeem(2, [c, d]),
    redeem('front', [d, a, b, c])
  ])
  const taken = signedAmong(all).flatMap((redemption) => redemption.digests)
  ledger.expect(new Set(taken).size === taken.length, 'two overlapping batches were signed')
  if (!allKnown(all)) return
  ledger.expect(taken.length > 0, 'of overlapping batches none was signed')
  const left = digests.filter((digest) => !taken.includes(digest.toString('base64')))
  if (left.length === 0) return
  const rest = await redeem('front', left)
  ledger.expect(rest.outcome !== 'refused', 'a batch that was refused had taken something')
}

/** A digest approved twice is signed twice and not three times. */
export async function twice(company: Company, signer: Signer): Promise<void> {
  const [digest] = newDigests(company.ledger, 1) as [Buffer]
  const redeem = redeemer(company, signer, await approve(company, signer, [digest, digest]))
  const all = await Promise.all([0, 1, 2, 'front' as const].map((via) => redeem(via, [digest])))
  const signed = signedAmong(all).length
  company.ledger.expect(signed <= 2, `a digest approved twice was signed ${signed} times`)
  company.ledger.expect(signed === 2 || !allKnown(all), `a digest approved twice was signed ${signed} times`)
}

/** A SAD in the hands of another party, for another credential or other digests is refused, and not spent by it. */
export async function foreign(company: Company, signer: Signer): Promise<void> {
  const { cast, stranger, other, direct, ledger } = company
  const approved = await approve(company, signer, newDigests(ledger, 2))
  const { sad, digests } = approved
  const { credentialID } = signer.person
  const { signAlgo } = signer
  const changed = `${sad.slice(0, -1)}${sad.endsWith('A') ? 'B' : 'A'}`
  const unasked = digestOf('not approved')
  const [first, second, third] = direct as [Portal, Portal, Portal]
  const wrong = [
    () => stranger.sign(credentialID, sad, digests, signAlgo),
    () => first.sign(other.credentialID, sad, digests, ecdsaSha256Oid),
    () => second.sign(credentialID, sad, [unasked], signAlgo),
    () => third.sign(credentialID, changed, digests, signAlgo),
    () => cast.portal.sign(credentialID, sad, [...digests, unasked], signAlgo)
  ].map(async (use, index) => {
    const answer = await patiently(use).catch(() => null)
    const said = `${answer?.status} ${JSON.stringify(answer?.body)}`
    ledger.expect(answer === null || answer.status === 400, `wrong use ${index} of a SAD: ${said}`)
  })
  await Promise.all(wrong)
  const right = await redeemer(company, signer, approved)('front')
  ledger.expect(right.outcome !== 'refused', 'a refused request had spent the SAD')
}

/**
 * Suspends or revokes while what was confirmed is being redeemed. Once that is answered, no request is signed that is
 * sent afterwards; what was confirmed before stays ended when the credential is resumed.
 */
export async function end(company: Company, signer: Signer, how: 'suspend' | 'revoke'): Promise<void> {
  const { cast, ledger } = company
  const { credentialID } = signer.person
  const redeems = []
  for (let count = 0; count < 3; count += 1) {
    redeems.push(redeemer(company, signer, await approve(company, signer, newDigests(ledger, 2))))
  }
  const early = redeems.map((redeem, index) => redeem(index))
  const ended = await cast.operator
    .post(`/credentials/${credentialID}/${how}`, how === 'revoke' ? { reason: 'keyCompromise' } : {})
    .catch(() => null)
  const from = new Date()
  await Promise.all([
    ...early,
    ...redeems.flatMap((redeem) =>
      [0, 1, 2].map(async (via) => {
        const late = await redeem(via)
        if (ended?.status === 200)
          ledger.expect(late.outcome !== 'signed', `server ${via} signed after ${how} was answered`)
      })
    )
  ])
  if (ended?.status === 200) ledger.ends.push({ credentialID, from, to: new Date() })
  if (how === 'revoke') return
  // A server that went away before it answered may have done it all the same.
  const resumed = await cast.operator.post(`/credentials/${credentialID}/resume`)
  if (ended?.status !== 200 || resumed.status !== 200) return
  const later = await Promise.all(redeems.map((redeem) => redeem('front')))
  ledger.expect(signedAmong(later).length === 0, 'a resumed credential signed what its suspension had ended')
}

/** Milliseconds after which an access token that is no longer good is refused everywhere (see `Tokens.revokeToken`). */
const tokenKnownForMs = 10_000

/**
 * Removes a relying party while it redeems: what is sent after the answer is not signed, and its token is refused by
 * every server in time and for good.
 */
export async function dismiss(
  company: Company,
  signer: Signer,
  front: string,
  provider: string
): Promise<void> {
  const { cast, direct, ledger } = company
  const made = await cast.operator.post('/relying-parties', { provider, name: 'Cổng thử tạm' })
  if (made.status !== 201) throw new Error('no relying party was made')
  const client = made.body as { clientId: string; clientSecret: string }
  const own = castAt({ url: front, provider, client })
  const approved = await approve({ ...company, cast: own }, signer, newDigests(ledger, 2))
  const token = await own.portal.token()
  const { credentialID } = signer.person
  const use = (via: number) =>
    direct[via]
      ?.call('credentials/info', { credentialID }, token)
      .then(({ status }) => status)
      .catch(() => null)
  await Promise.all([0, 1, 2].map(use))
  const removed = await cast.operator
    .call('DELETE', `/relying-parties/${provider}/${client.clientId}`)
    .catch(() => null)
  if (removed?.status !== 204) return
  const removedAt = Date.now()
  const body = {
    credentialID,
    SAD: approved.sad,
    hashes: approved.digests.map((digest) => digest.toString('base64')),
    signAlgo: signer.signAlgo
  }
  await Promise.all(
    [0, 1, 2].map(async (via) => {
      const late = await direct[via]?.call('signatures/signHash', body, token).catch(() => null)
      ledger.expect(late?.status !== 200, `server ${via} signed for a removed relying party`)
      for (;;) {
        const status = await use(via)
        if (status === null || status === 401) break
        if (Date.now() - removedAt > tokenKnownForMs + 2_000) {
          ledger.violations.push(`server ${via} still takes the token of a removed relying party`)
          break
        }
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      for (let again = 0; again < 3; again += 1) {
        const status = await use(via)
        ledger.expect(status === 401 || status === null, `server ${via} takes a dead token again (${status})`)
      }
    })
  )
}
