import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Document, documentOf, plainScheme, type Scheme, sha256 } from '../reading/algorithms.js'
import { type Fields, said, success, textOf } from '../reading/values.js'
import { Failure, NotOffered } from '../rule.js'
import type { Credential } from './credentials.js'
import type { Answer } from './http.js'
import { authObjectsOf, once, type Target } from './target.js'

/** Something to sign, and the right to sign it. */
export interface Approval {
  sad: string
  /** Seconds, as answered; null: not said. */
  expiresIn: number | null
  credential: Credential
  documents: Document[]
  scheme: Scheme
}

/** What is to be approved. */
export interface Asking {
  credential?: Credential
  /** How many documents; each is made up. */
  documents?: number
  scheme?: Scheme
  /** Otherwise as many as documents. */
  numSignatures?: number
}

/** The way to signature activation data. */
export interface Approvals {
  /** Asks for an approval and waits until it is confirmed. @throws NotOffered where that is not possible. */
  approve(asking?: Asking): Promise<Approval>
  /** One that many cases use which sign nothing. */
  shared(): Promise<Approval>
  /** The next one, where `spent` is found to be good no more. */
  sharedAfter(spent: Approval): Promise<Approval>
  /**
   * A body of credentials/authorize that would be accepted. One-time codes are had for an approval alone, since services
   * send few. @throws NotOffered where one is needed otherwise.
   */
  body(
    asking?: Asking,
    codes?: boolean
  ): Promise<{ body: Fields; credential: Credential; documents: Document[]; scheme: Scheme }>
  /** Waits until few enough phones are asked, and does what asks one. */
  inPlace<T>(work: () => Promise<T>): Promise<T>
  /** A body of signHash for an approval. */
  signing(approval: Approval, documents?: readonly Document[]): Fields
}

/** Phones that are asked at once; services limit what waits. */
const approvalsMax = 3
const confirmTimeoutMs = 150_000

/** How signatures are approved in whichever mode a credential has. */
export function createApprovals(at: () => Target): Approvals {
  let places = 0
  const queue: (() => void)[] = []
  let common: (() => Promise<Approval>) | null = null

  async function inPlace<T>(work: () => Promise<T>): Promise<T> {
    const { phone, codeCommand } = at().options
    const most = phone === 'manual' || codeCommand !== null ? 1 : approvalsMax
    if (places >= most) await new Promise<void>((resolve) => queue.push(resolve))
    else places += 1
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next === undefined) places -= 1
      else next()
    }
  }

  const approvals: Approvals = {
    async body(
      { credential, documents: count = 1, scheme: wanted, numSignatures = count } = {},
      codes = false
    ) {
      const target = at()
      const { names, version } = target
      const chosen = credential ?? (await target.credential())
      const scheme = wanted ?? plainScheme(chosen)
      if (scheme === null) throw new NotOffered('key.algo has nothing that is verified here')
      if (count > chosen.multisign) throw new NotOffered(`multisign is ${chosen.multisign}`)
      const documents = Array.from({ length: count }, () => madeUp(scheme))
      const digests = documents.map(({ digest }) => digest.toString('base64'))
      const body = {
        credentialID: chosen.id,
        numSignatures,
        [names.hashes]: digests,
        ...(version === 'v2' ? { hashAlgorithmOID: scheme.hash.oid } : {}),
        description: 'csc-conformance',
        ...(version === 'v1' ? await pinAndOtp(target, chosen, codes) : await authData(target, chosen, codes))
      }
      return { body, credential: chosen, documents, scheme }
    },

    inPlace,

    async approve(asking) {
      const target = at()
      const credential = asking?.credential ?? (await target.credential())
      if (!credential.enabled) throw new NotOffered(`the key of ${credential.id} is disabled`)
      if (credential.mode === 'oauth2code') return target.oauth.approve({ ...asking, credential })
      await target.needs('credentials/authorize')
      return inPlace(async () => {
        const { body, documents, scheme } = await approvals.body({ ...asking, credential }, true)
        target.person.confirmSoon(`${documents.length} document(s) of ${credential.id}, "csc-conformance"`)
        const fields = await authorized(target, await target.call('credentials/authorize', body))
        const sad = textOf(fields, 'SAD')
        const expiresIn = typeof fields.expiresIn === 'number' ? fields.expiresIn : null
        return { sad, expiresIn, credential, documents, scheme }
      })
    },

    shared() {
      common ??= once(() => approvals.approve())
      return common()
    },
    async sharedAfter(spent) {
      const current = await approvals.shared()
      if (current.sad === spent.sad) common = null
      return approvals.shared()
    },

    signing({ sad, credential, scheme, documents }, chosen = documents) {
      const { names } = at()
      return {
        credentialID: credential.id,
        SAD: sad,
        [names.hashes]: chosen.map(({ digest }) => digest.toString('base64')),
        signAlgo: scheme.signAlgo,
        ...(scheme.namesHash ? { [names.hashAlgorithm]: scheme.hash.oid } : {}),
        ...(scheme.signAlgoParams === undefined ? {} : { signAlgoParams: scheme.signAlgoParams })
      }
    }
  }
  return approvals
}

/** A document nobody signed before. */
export const madeUp = (scheme: Pick<Scheme, 'hash'> = { hash: sha256 }): Document =>
  documentOf(Buffer.from(`csc-conformance ${randomUUID()}`), scheme.hash)

/** The answer with the SAD: the first one, or the one after the phone was asked (v2, 202). */
async function authorized(target: Target, first: Answer): Promise<Fields> {
  const giveUpAt = performance.now() + confirmTimeoutMs
  let answer = first
  for (
    let pauseMs = 50;
    answer.status === 202 && target.version === 'v2';
    pauseMs = Math.min(pauseMs * 2, 1_000)
  ) {
    if (performance.now() > giveUpAt)
      throw new Failure(`nobody confirmed within ${confirmTimeoutMs / 1000} s`)
    const handle = textOf(success(answer, 202), 'handle')
    await sleep(pauseMs)
    answer = await target.call('credentials/authorizeCheck', { handle })
  }
  if (answer.status !== 200) throw new Failure(`not approved: ${said(answer)}`)
  return success(answer)
}

/** The factors that v1 takes in the body (clause 11.6). */
async function pinAndOtp(target: Target, { id, fields, mode }: Credential, codes: boolean): Promise<Fields> {
  if (mode !== 'explicit') return {}
  const wants = (factor: unknown) => (factor as Fields | undefined)?.presence === 'true'
  const factors: Fields = {}
  if (wants(fields.PIN)) factors.PIN = pinOf(target)
  if (wants(fields.OTP)) {
    if (!codes) throw oneCodeTooMany()
    if ((fields.OTP as Fields).type === 'online') {
      const answer = await target.call('credentials/sendOTP', { credentialID: id })
      if (answer.status !== 204 && answer.status !== 200)
        throw new Failure(`no code was sent: ${said(answer)}`)
    }
    factors.OTP = await target.person.code()
  }
  return factors
}

/** The factors that v2 takes as authData (clause 8.3). */
async function authData(target: Target, credential: Credential, codes: boolean): Promise<Fields> {
  if (credential.mode !== 'explicit') return {}
  const data: Fields[] = []
  for (const { type, id } of authObjectsOf(credential)) {
    if (type === 'Password') data.push({ id, value: pinOf(target) })
    else if (type === 'ChallengeResponse') {
      if (!codes) throw oneCodeTooMany()
      const asked = { credentialID: credential.id, authObjectID: id }
      const answer = await target.call('credentials/getChallenge', asked)
      if (answer.status !== 204) success(answer)
      data.push({ id, value: await target.person.code() })
    } else data.push({ id })
  }
  return { authData: data }
}

/** @throws NotOffered where none was given. */
export function pinOf({ options: { pin } }: Target): string {
  if (pin === null) throw new NotOffered('the credential asks for a PIN: --pin')
  return pin
}

const oneCodeTooMany = () => new NotOffered('each try would need a one-time code')
