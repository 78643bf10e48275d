import { type Document, flaw } from '../reading/algorithms.js'
import { type Fields, octetsOf, success, textsOf } from '../reading/values.js'
import { must, NotOffered } from '../rule.js'
import type { Approval } from './approvals.js'
import type { Answer } from './http.js'
import type { Target } from './target.js'

/** signatures/signHash for an approval. */
export async function signHash(
  target: Target,
  approval: Approval,
  documents?: readonly Document[]
): Promise<Answer> {
  await target.needs('signatures/signHash')
  return target.call('signatures/signHash', target.approvals.signing(approval, documents))
}

/** Signs, and judges every signature with node's own cryptography. @throws Failure */
export async function signsAll(
  target: Target,
  approval: Approval,
  documents: readonly Document[] = approval.documents
): Promise<void> {
  verifies(await signHash(target, approval, documents), approval, documents)
}

/** Every signature of an answer is by the credential's key, over the document in its place. @throws Failure */
export function verifies(
  answer: Answer,
  { credential, scheme }: Pick<Approval, 'credential' | 'scheme'>,
  documents: readonly Document[]
): void {
  const signatures = textsOf(success(answer), 'signatures')
  must(
    signatures.length === documents.length,
    `${signatures.length} signatures for ${documents.length} hashes`
  )
  const [certificate] = credential.certificates
  must(certificate !== undefined, `credentials/info gave no certificate of ${credential.id}`)
  for (const [index, document] of documents.entries()) {
    const signature = octetsOf(signatures[index], `signature ${index + 1}`)
    const wrong = flaw(signature, document, scheme, octetsOf(certificate, 'the certificate'))
    must(wrong === null, `signature ${index + 1} of ${documents.length}: ${wrong}`)
  }
}

/**
 * Calls signHash with something wrong in a body that is otherwise right. The approval is one that many share: wrong
 * parameters are not said to spend it, and where they do, a new one is had.
 */
export async function wrongSigning(target: Target, change: (right: Fields) => unknown): Promise<Answer> {
  await target.needs('signatures/signHash')
  return withShared(target, async (approval) =>
    target.call('signatures/signHash', change(target.approvals.signing(approval)))
  )
}

/** The same with extendTransaction. */
export async function wrongExtending(target: Target, change: (right: Fields) => unknown): Promise<Answer> {
  await target.needs('credentials/extendTransaction')
  return withShared(target, async ({ sad, credential, documents, scheme }) =>
    target.call(
      'credentials/extendTransaction',
      change({
        credentialID: credential.id,
        SAD: sad,
        [target.names.hashes]: documents.map(({ digest }) => digest.toString('base64')),
        ...(target.version === 'v2' ? { hashAlgorithmOID: scheme.hash.oid } : {})
      })
    )
  )
}

async function withShared(target: Target, ask: (approval: Approval) => Promise<Answer>): Promise<Answer> {
  const approval = await target.approvals.shared()
  const answer = await ask(approval)
  if (!/Invalid parameter SAD|SAD expired/.test(answer.text)) return answer
  return ask(await target.approvals.sharedAfter(approval))
}

/** @throws NotOffered unless the credential may sign so many at once. */
export async function needsMultisign(target: Target, count: number): Promise<void> {
  const { multisign } = await target.credential()
  if (multisign < count) throw new NotOffered(`multisign is ${multisign}`)
}
