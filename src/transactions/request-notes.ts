/** A mistake of a client: what it sent, and how to put it right. */
export interface Diagnosis {
  /** Names the mistake, such as `digest_hex_for_base64`. */
  code: string
  /** The member at fault, as the dialect calls it; null: the request as a whole. */
  field: string | null
  /** What was found, without secrets. */
  found: string
  /** What to send instead. */
  remedy: string
}

/** What a request had wrong, kept for some days under its `X-Request-Id`. */
export interface RequestNote {
  requestId: string
  at: Date
  provider: string
  clientId: string
  /** Method and path. */
  call: string
  /** The code it was refused with; null: it was accepted in spite of what was wrong. */
  error: string | null
  diagnoses: readonly Diagnosis[]
}

/** Days that notes are kept. */
export const notesKeptDays = 7

/** Notes on requests of relying parties that had proved themselves. `store/request-notes.ts` provides it. */
export interface RequestNotes {
  record(note: RequestNote): Promise<void>
  find(requestId: string): Promise<RequestNote | null>
  /** Forgets those from before `before`; answers how many. */
  purge(before: Date): Promise<number>
}
