import type { Target } from './server/target.js'

/** The path segment of an API: which document a server is measured against. */
export type Version = 'v1' | 'v2'

/**
 * How sure a rule is. P: in the text of version 1.0.4.0. C: of 2.0.0.2, found in two independent sources. S: of
 * 2.0.0.2, found in one. K: seen in code for 2.1 or 2.2. U: a common reading, confirmed nowhere.
 */
export type Mark = 'P' | 'C' | 'S' | 'K' | 'U'

/** A server that breaks one of these does not conform; of any other it is unsure who is right. */
export const binding = (mark: Mark): boolean => mark === 'P' || mark === 'C'

/**
 * Cases of one lane run one after another. `secrets`: those that say a wrong password, PIN or client secret, so that
 * a right one always comes between two wrong ones. `login`: those that a new login may disturb.
 */
export type Lane = 'secrets' | 'login'

/** One row of the reference, and how it is tried. */
export interface Rule {
  /** Clause of the document of this version, such as `11.9`. */
  clause: string
  mark: Mark
  /** One sentence, without a full stop; unique within its clause. */
  text: string
  lane?: Lane
  /**
   * Returns when the rule is kept. Throws `Failure`, `NotOffered`, or anything else for a failure.
   * A row that no black box can try has a reason instead.
   */
  check: ((target: Target) => Promise<void>) | { untried: string }
}

/** The rules of one part of the reference, for one version. */
export type RuleTable = (version: Version) => Rule[]

/** A rule that is not kept. `mark` is how sure that is, where it differs from the rule's own. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly mark: Mark | null
  constructor(message: string, mark: Mark | null = null) {
    super(message)
    this.mark = mark
  }
}

/** The server does not offer what the rule is about, or it cannot be tried here. */
export class NotOffered extends Error {
  override readonly name = 'NotOffered'
}

/** @throws Failure unless `holds`. */
export function must(holds: boolean, message: string, mark: Mark | null = null): asserts holds {
  if (!holds) throw new Failure(message, mark)
}

/** Clause numbers by topic: the documents number the same methods differently. */
export const clauses = {
  /** What the reference gives no clause number for: transport, encodings, algorithms. */
  general: { v1: 'general', v2: 'general' },
  account: { v1: '8.3.1', v2: '8.4.1' },
  oauthAuthorize: { v1: '8.3.2', v2: '8.4.2' },
  pushedAuthorize: { v1: '8.4.3', v2: '8.4.3' },
  token: { v1: '8.3.3', v2: '8.4.4' },
  oauthRevoke: { v1: '8.3.4', v2: '8.4.5' },
  authObjects: { v1: '8.3', v2: '8.3' },
  errors: { v1: '10', v2: '10' },
  info: { v1: '11.1', v2: '11.1' },
  login: { v1: '11.2', v2: '11.2' },
  authRevoke: { v1: '11.3', v2: '11.3' },
  list: { v1: '11.4', v2: '11.4' },
  credential: { v1: '11.5', v2: '11.5' },
  authorize: { v1: '11.6', v2: '11.6' },
  authorizeCheck: { v1: '11.7', v2: '11.7' },
  getChallenge: { v1: '11.8', v2: '11.8' },
  extend: { v1: '11.7', v2: '11.9' },
  sendOtp: { v1: '11.8', v2: '11.8' },
  signHash: { v1: '11.9', v2: '11.10' },
  signDoc: { v1: '11.11', v2: '11.11' },
  polling: { v1: '11.12', v2: '11.12' },
  timestamp: { v1: '11.10', v2: '11.13' },
  create: { v1: '11.14', v2: '11.14' }
} as const
