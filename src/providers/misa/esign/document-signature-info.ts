import { type Static, Type } from 'typebox'
import { displayText } from '../../../activation/display-text.js'
import { documentLimits, type PdfRequest, type SignatureAppearance } from '../../../documents/documents.js'
import { shownTime } from '../../../documents/pdf/times.js'
import { ServiceError } from '../../../errors.js'

const text = (description: string) =>
  Type.Optional(Type.String({ maxLength: documentLimits.textCharacters, description }))
/** A page of A0 has 3,370 points. */
const points = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 10_000, description }))
const image = (description: string) =>
  Type.Optional(Type.String({ maxLength: Math.ceil((documentLimits.logoOctets * 4) / 3) + 4, description }))

/** How the signature of a PDF looks (§5.4). */
export const PdfSignatureInfo = Type.Object({
  TextColor: Type.Optional(
    Type.String({ maxLength: 7, pattern: '^(#?[0-9A-Fa-f]{6})?$', description: 'RRGGBB in hexadecimal' })
  ),
  PositionX: points('Points from the left edge'),
  PositionY: points('Points from the lower edge'),
  Width: points('Points; without it, or 0, the signature is not seen'),
  Height: points('Points'),
  FontSize: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: 'Points, at most' })),
  SignatureImage: image('PNG or JPEG in base64, shown as a logo'),
  LogoImage: image('The same, if there is no SignatureImage'),
  Page: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 100_000, description: 'From 1; 0 is taken for 1' })
  ),
  SignatureName: text('Name of the signature field'),
  HashAlgorithm: Type.Optional(Type.String({ maxLength: 16, description: 'SHA256' })),
  SignatureDescription: Type.Optional(
    Type.Object({
      SignedBy: text('Shown; the name in the certificate if absent'),
      ShowSignedDate: Type.Optional(Type.Boolean()),
      Location: text('Shown, and in the signature dictionary'),
      Reason: text('Shown, and in the signature dictionary'),
      Contact: text('In the signature dictionary'),
      DisplayText: text('Shown in the place of all other texts')
    })
  ),
  RenderingMode: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 2, description: '0: text, 1: image and text, 2: image' })
  ),
  SignaturePosInfos: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 }))
})

/** Members in their spelling. */
export const pdfSignatureInfoSpelling = {
  ...Object.fromEntries(Object.keys(PdfSignatureInfo.properties).map((name) => [name, null])),
  SignatureDescription: {
    SignedBy: null,
    ShowSignedDate: null,
    Location: null,
    Reason: null,
    Contact: null,
    DisplayText: null
  }
}

type Info = Static<typeof PdfSignatureInfo>

/** Reads how a signature is to look. Texts are plain: whoever opens the document decides by them, too. */
export function readSignatureInfo(
  info: Info,
  signerName: string,
  at: Date
): Omit<PdfRequest, 'kind' | 'document'> {
  const plain = (value: string | undefined) => displayText(value ?? '', documentLimits.textCharacters)
  if (info.HashAlgorithm !== undefined && !/^(SHA-?256)?$/i.test(info.HashAlgorithm))
    throw new ServiceError('hash_algorithm_refused', `PDF by ${info.HashAlgorithm}`, {
      says: 'HashAlgorithm is SHA256.',
      field: 'HashAlgorithm'
    })
  const { Location, Reason, Contact } = info.SignatureDescription ?? {}
  return {
    fieldName: plain(info.SignatureName) || null,
    appearance: appearanceOf(info, plain, signerName, at),
    reason: plain(Reason) || null,
    location: plain(Location) || null,
    contact: plain(Contact) || null,
    signerName,
    signedAt: at
  }
}

function appearanceOf(
  info: Info,
  plain: (value: string | undefined) => string,
  signerName: string,
  at: Date
): SignatureAppearance | null {
  const { Width: width = 0, Height: height = 0, PositionX: x = 0, PositionY: y = 0, RenderingMode } = info
  if (width === 0 || height === 0) return null
  const mode = RenderingMode ?? (info.SignatureImage || info.LogoImage ? 1 : 0)
  const { SignedBy, ShowSignedDate = true, Location, Reason, DisplayText } = info.SignatureDescription ?? {}
  const lines = plain(DisplayText)
    ? [plain(DisplayText)]
    : [
        `Ký bởi: ${plain(SignedBy) || signerName}`,
        ShowSignedDate ? `Ngày ký: ${shownTime(at)}` : '',
        plain(Reason) ? `Lý do: ${plain(Reason)}` : '',
        plain(Location) ? `Nơi ký: ${plain(Location)}` : ''
      ].filter((line) => line !== '')
  const logo = mode === 0 ? null : logoOf(info.SignatureImage || info.LogoImage || '')
  return {
    page: Math.max(1, info.Page ?? 1),
    rectangle: { x, y, width, height },
    lines: mode === 2 && logo !== null ? [] : lines,
    fontSize: info.FontSize || null,
    color: colorOf(info.TextColor ?? ''),
    logo
  }
}

const logoOf = (base64: string): Uint8Array | null =>
  base64 === '' ? null : Buffer.from(base64.replace(/^data:[a-z/+]{1,32};base64,/, ''), 'base64')

function colorOf(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.replace('#', '') || '0', 16)
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255]
}
