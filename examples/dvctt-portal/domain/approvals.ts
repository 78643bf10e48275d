/**
 * "Phê duyệt": asks a signer at the provider, once, waits for the answer, and puts the signatures where they belong. It
 * knows providers and PDFs by their two inner doors, and nothing of pages.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AuthorityError,
  type AuthorityId,
  type RemoteAuthority,
  type SignatureOutcome,
  type SignatureRequest
} from '../authorities/remote-authority.js'
import type { PadesRequest, PreparedPdf } from '../pdf/pades.js'
import { type Approval, type ApprovalState, endingOf, type SigningTask } from './approval.js'
import { type Member, type RemoteMeans, roles } from './people.js'
import { Refusal } from './refusal.js'
import { authorityNamed, registeredCertificate } from './rules.js'

/** Approvals that pages can still show; the oldest that has ended goes first. */
const approvalsMax = 1_000
/** Longer than any provider waits for its signer. */
const patienceMs = 600_000

export interface ApprovalsDeps {
  authorities: readonly RemoteAuthority[]
  preparePades(request: PadesRequest): Promise<PreparedPdf>
  now(): Date
  /** Between two questions to the provider. */
  pollIntervalMs: number
  log: { warn(about: object, message: string): void }
}

export type Approvals = ReturnType<typeof createApprovals>

export function createApprovals({ authorities, preparePades, now, pollIntervalMs, log }: ApprovalsDeps) {
  const approvals = new Map<string, Approval>()
  /** Dossiers somebody is being asked about. Set before anything is awaited, so that two tabs ask once. */
  const claims = new Map<string, Approval>()
  const closing = new AbortController()

  function end(approval: Approval, state: ApprovalState, message: string): void {
    approval.state = state
    approval.message = message
    if (claims.get(approval.number) === approval) claims.delete(approval.number)
  }

  /** Asks the provider for the certificate, makes digests, and has the signer asked. */
  async function ask(approval: Approval, task: SigningTask, means: RemoteMeans, password: string | null) {
    const authority = authorityNamed(authorities, means.authority)
    const login = { name: means.login, password }
    const certificate = registeredCertificate(means.certificate, await authority.certificates(login), now())
    const signedAt = now()
    const files = task.documents()
    const prepared = await Promise.all(
      files.map(({ pdf }) =>
        preparePades({
          pdf,
          chain: certificate.chain,
          signedAt,
          organisation: certificate.organisation ?? '',
          signer: `${certificate.commonName}, ${approval.roleLabel}`,
          reason: task.reason,
          place: task.place
        })
      )
    )
    const digests = prepared.map(({ digest }, index) => ({ name: files[index]?.name ?? '', digest }))
    approval.documents = digests.map(({ name, digest }) => ({
      name,
      digestBase64: Buffer.from(digest).toString('base64')
    }))
    const request = await authority.requestSignatures(login, certificate, digests, task.description)
    return { request, prepared, files, signedAt, serialNumber: certificate.serialNumber }
  }
  type Asked = Awaited<ReturnType<typeof ask>>

  /** Until the provider has an answer. A provider that is away for a moment is asked again; the signer is not. */
  async function answerOf(request: SignatureRequest, startedAt: Date): Promise<SignatureOutcome> {
    while (now().getTime() - startedAt.getTime() < patienceMs) {
      await sleep(pollIntervalMs, undefined, { signal: closing.signal })
      try {
        const outcome = await request.outcome()
        if (outcome.status !== 'waiting') return outcome
      } catch (error) {
        if (!(error instanceof AuthorityError)) throw error
        log.warn({ transaction: request.transactionId, detail: error.detail }, error.message)
      }
    }
    return { status: 'expired' }
  }

  async function follow(
    approval: Approval,
    task: SigningTask,
    member: Member & { means: RemoteMeans },
    { request, prepared, files, signedAt, serialNumber }: Asked
  ): Promise<void> {
    const outcome = await answerOf(request, approval.startedAt)
    if (outcome.status !== 'signed') return end(approval, ...endingOf(outcome))
    const { signatures } = outcome
    if (signatures.length !== files.length) throw new Error(`${signatures.length} signatures came`)
    const documents = files.map(({ name }, index) => {
      const [place, signature] = [prepared[index], signatures[index]]
      if (place === undefined || signature === undefined) throw new Error('a signature is missing')
      return { name, pdf: place.complete(signature) }
    })
    const { means, fullName, id: memberId, role } = member
    const made = { memberId, signer: fullName, role, authorityLabel: means.authorityLabel }
    task.accept(documents, { ...made, serialNumber, signedAt })
    end(approval, 'signed', `${fullName} đã ký số.`)
  }

  /** How what went wrong is told; who wants to know more looks into the log. */
  function fail(approval: Approval, error: unknown): void {
    if (closing.signal.aborted) return
    const known = error instanceof Refusal || error instanceof AuthorityError
    const detail = error instanceof AuthorityError ? error.detail : String(error)
    log.warn({ approval: approval.id, number: approval.number, detail }, 'approval failed')
    end(approval, 'failed', known ? error.message : 'Không ghép được chữ ký vào hồ sơ. Hãy thử ký lại.')
  }

  return {
    find: (id: string): Approval | null => approvals.get(id) ?? null,

    /** The last one of a dossier: what its page tells about. */
    lastOf: (number: string): Approval | null =>
      [...approvals.values()].findLast((approval) => approval.number === number) ?? null,

    /**
     * Asks the signer, or, while one is being asked about this dossier, answers that approval. Resolves when the
     * request is with the provider, or has failed; the approval says which.
     * @param who What the person typed in; the password is used for the calls and not kept.
     * @throws Refusal when this person may not sign this now.
     */
    async start(
      task: SigningTask,
      who: { authority: AuthorityId; login: string; password: string | null }
    ): Promise<Approval> {
      const running = claims.get(task.number)
      if (running !== undefined) return running
      const member = task.signer(who)
      const approval: Approval = {
        id: randomUUID(),
        number: task.number,
        signer: member.fullName,
        roleLabel: roles[member.role].label,
        authorityLabel: member.means.authorityLabel,
        description: task.description,
        startedAt: now(),
        state: 'asking',
        documents: [],
        message: ''
      }
      claims.set(task.number, approval)
      approvals.set(approval.id, approval)
      forgetOld(approvals)
      try {
        const asked = await ask(approval, task, member.means, who.password)
        approval.state = 'waiting'
        follow(approval, task, member, asked).catch((error) => fail(approval, error))
      } catch (error) {
        fail(approval, error)
      }
      return approval
    },

    /** Nobody is waited for any longer. */
    close: (): void => closing.abort()
  }
}

function forgetOld(approvals: Map<string, Approval>): void {
  if (approvals.size <= approvalsMax) return
  for (const { id, state } of approvals.values()) {
    if (state === 'asking' || state === 'waiting') continue
    approvals.delete(id)
    return
  }
}
