import { open } from 'node:fs/promises'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ActivationKind, ActivationStatus } from '../activation/activation.js'
import type { ChainEvent } from '../audit/chain.js'
import type { AuditSource, Evidence, HistoryEntry } from '../audit/evidence.js'
import type { HashAlgorithm } from '../hsm/hsm.js'
import { linesOf } from './checkpoint-file.js'
import { isCheckpoint } from './checkpoint-shape.js'

const format = 'kyso-audit-export'
const version = 1
/** Lines are gathered to pieces of about this many characters before they are written. */
const pieceLength = 262_144

/** What an export holds. */
export interface ExportCounts {
  checkpoints: number
  events: number
  evidence: number
}

/**
 * Writes everything needed to verify offline as JSON lines: a head line, the checkpoints, then events with the evidence
 * for them before them, then an end line with counts. Mode 0600: activations and devices tell of persons.
 * @throws Error when the file exists.
 */
export async function writeExport(source: AuditSource, path: string): Promise<ExportCounts> {
  const counts: ExportCounts = { checkpoints: 0, events: 0, evidence: 0 }
  const file = await open(path, 'wx', 0o600)
  try {
    let piece = `${JSON.stringify({ kind: 'head', format, version })}\n`
    const write = async (value: object) => {
      piece += `${JSON.stringify(value)}\n`
      if (piece.length < pieceLength) return
      await file.appendFile(piece)
      piece = ''
    }
    for await (const entry of source.claims()) {
      if (entry.kind === 'checkpoint') counts.checkpoints += 1
      if (entry.kind === 'checkpoint' || entry.kind === 'unreadable') await write(entry)
    }
    for await (const entry of source.history()) {
      if (entry.kind === 'event') {
        counts.events += 1
        await write(entry)
      } else if (entry.kind === 'evidence') {
        counts.evidence += 1
        await write({ kind: 'evidence', evidence: evidenceToJson(entry.evidence) })
      }
    }
    await write({ kind: 'end', ...counts })
    await file.appendFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
  return counts
}

/** Reads an export line by line, twice when verified. */
export function createExportHistory(path: string): AuditSource {
  async function* entries(): AsyncGenerator<HistoryEntry> {
    const counts: ExportCounts = { checkpoints: 0, events: 0, evidence: 0 }
    let number = 0
    let ended = false
    for await (const { text } of linesOf(path)) {
      number += 1
      const place = `${path} line ${number}`
      const unreadable = (detail: string): HistoryEntry => ({ kind: 'unreadable', place, detail })
      const value = parsed(text)
      if (number === 1) {
        if (!headLine.Check(value)) return yield unreadable(`not a ${format} of version ${version}`)
      } else if (ended) {
        return yield unreadable('stands behind the end')
      } else if (checkpointLine.Check(value) && isCheckpoint(value.checkpoint)) {
        counts.checkpoints += 1
        yield { kind: 'checkpoint', checkpoint: value.checkpoint }
      } else if (eventLine.Check(value)) {
        counts.events += 1
        yield { kind: 'event', event: value.event as ChainEvent }
      } else if (evidenceLine.Check(value)) {
        counts.evidence += 1
        yield { kind: 'evidence', evidence: evidenceFromJson(value.evidence) }
      } else if (unreadableLine.Check(value)) {
        yield value
      } else if (endLine.Check(value)) {
        ended = true
        const { checkpoints, events, evidence } = value
        if (checkpoints !== counts.checkpoints || events !== counts.events || evidence !== counts.evidence) {
          yield unreadable('lines were added or removed: the counts at the end do not agree')
        }
      } else {
        yield unreadable('not a line of an export')
      }
    }
    if (!ended) yield { kind: 'unreadable', place: path, detail: 'the export has no end: it was cut off' }
  }

  return {
    async *claims() {
      for await (const entry of entries()) {
        if (entry.kind === 'event' ? entry.event.seq === 1 : entry.kind !== 'evidence') yield entry
      }
    },
    async *history() {
      for await (const entry of entries()) {
        if (entry.kind === 'event' || entry.kind === 'evidence') yield entry
      }
    }
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

const headLine = Compile(
  Type.Object({ kind: Type.Literal('head'), format: Type.Literal(format), version: Type.Literal(version) })
)
const checkpointLine = Compile(Type.Object({ kind: Type.Literal('checkpoint'), checkpoint: Type.Unknown() }))
const eventLine = Compile(
  Type.Object({
    kind: Type.Literal('event'),
    event: Type.Object({
      chain: Type.String(),
      seq: Type.Integer(),
      at: Type.String(),
      type: Type.String(),
      actor: Type.String(),
      about: Type.Unknown(),
      previousHash: Type.String(),
      hash: Type.String()
    })
  })
)
const unreadableLine = Compile(
  Type.Object({ kind: Type.Literal('unreadable'), place: Type.String(), detail: Type.String() })
)
const endLine = Compile(
  Type.Object({
    kind: Type.Literal('end'),
    checkpoints: Type.Integer(),
    events: Type.Integer(),
    evidence: Type.Integer()
  })
)

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Union([type, Type.Null()])
const Time = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$' })
const evidenceShape = Type.Object({
  activation: Type.Object({
    id: Type.String(),
    provider: Type.String(),
    clientId: Type.String(),
    subscriberId: Type.String(),
    credentialId: Nullable(Type.String()),
    kind: Type.String(),
    status: Type.String(),
    relyingPartyName: Type.String(),
    hash: Nullable(Type.String()),
    numSignatures: Type.Integer(),
    digests: Type.Array(Type.String()),
    documentNames: Type.Array(Type.String()),
    description: Type.String(),
    validUntil: Nullable(Time),
    nonce: Type.String(),
    createdAt: Time,
    expiresAt: Time,
    confirmedAt: Nullable(Time),
    endedAt: Nullable(Time),
    endedReason: Nullable(Type.String()),
    occurrences: Type.String()
  }),
  confirmation: Nullable(Type.Object({ deviceId: Type.String(), token: Type.String(), confirmedAt: Time })),
  device: Nullable(
    Type.Object({
      id: Type.String(),
      provider: Type.String(),
      subscriberId: Type.String(),
      spki: Type.String(),
      webauthn: Nullable(Type.Object({ credentialId: Type.String(), spki: Type.String() }))
    })
  )
})
const evidenceLine = Compile(Type.Object({ kind: Type.Literal('evidence'), evidence: evidenceShape }))
type EvidenceJson = Type.Static<typeof evidenceShape>

const time = (date: Date | null): string | null => date?.toISOString() ?? null
const date = (text: string | null): Date | null => (text === null ? null : new Date(text))
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
const octets = (text: string): Uint8Array => Buffer.from(text, 'base64')

/** Times RFC 3339, octets base64. */
function evidenceToJson({ activation, confirmation, device }: Evidence): EvidenceJson {
  return {
    activation: {
      ...activation,
      digests: activation.digests.map(base64),
      documentNames: [...activation.documentNames],
      validUntil: time(activation.validUntil),
      createdAt: activation.createdAt.toISOString(),
      expiresAt: activation.expiresAt.toISOString(),
      confirmedAt: time(activation.confirmedAt),
      endedAt: time(activation.endedAt)
    },
    confirmation: confirmation && { ...confirmation, confirmedAt: confirmation.confirmedAt.toISOString() },
    device: device && {
      id: device.id,
      provider: device.provider,
      subscriberId: device.subscriberId,
      spki: base64(device.spki),
      webauthn: device.webauthn && {
        credentialId: base64(device.webauthn.credentialId),
        spki: base64(device.webauthn.spki)
      }
    }
  }
}

function evidenceFromJson({ activation, confirmation, device }: EvidenceJson): Evidence {
  return {
    activation: {
      ...activation,
      kind: activation.kind as ActivationKind,
      status: activation.status as ActivationStatus,
      hash: activation.hash as HashAlgorithm | null,
      digests: activation.digests.map((digest) => Buffer.from(digest, 'base64')),
      validUntil: date(activation.validUntil),
      createdAt: new Date(activation.createdAt),
      expiresAt: new Date(activation.expiresAt),
      confirmedAt: date(activation.confirmedAt),
      endedAt: date(activation.endedAt)
    },
    confirmation: confirmation && { ...confirmation, confirmedAt: new Date(confirmation.confirmedAt) },
    device: device && {
      ...device,
      spki: octets(device.spki),
      webauthn: device.webauthn && {
        credentialId: octets(device.webauthn.credentialId),
        spki: octets(device.webauthn.spki)
      }
    }
  }
}
