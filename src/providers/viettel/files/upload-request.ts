import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { displayText } from '../../../activation/display-text.js'
import { documentLimits, type SignatureAppearance } from '../../../documents/documents.js'
import { shownTime } from '../../../documents/pdf/times.js'
import { ServiceError } from '../../../errors.js'
import { readFile } from '../../dialect/document-text.js'

/** What is shown, by `render`; with any other number image and text, the image left of the text. */
const renders = { text: 1, image: 3 } as const

const imageText = Math.ceil((documentLimits.logoOctets * 4) / 3) + 4
/** Octets of the part `request`: the image, and room for the rest. */
export const requestOctets = imageText + 64 * 1024

/** A length or place in points, which some clients send as text. */
const points = (description: string) =>
  Type.Union(
    [
      Type.Number({ minimum: -100_000, maximum: 100_000 }),
      Type.String({ pattern: '^-?[0-9]{1,6}([.][0-9]{1,6})?$', maxLength: 16 })
    ],
    { description }
  )
const text = (description: string) =>
  Type.Optional(Type.String({ maxLength: documentLimits.textCharacters, description }))

/** The part `request` of `external/upload` (§4.3). */
export const UploadRequest = Type.Object({
  render: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 5, description: '1: text, 3: image, others: image and text' })
  ),
  fontType: text('Of no effect: there is one font, with all letters of Vietnamese'),
  fontSize: Type.Optional(points('Points, at most; text that does not fit is set smaller')),
  reason: text('Shown, and said in the signature'),
  location: text('Said in the signature'),
  document_name: text('Shown on the device'),
  display: Type.Optional(
    Type.Array(
      Type.Object({
        page: Type.Union([
          Type.Integer({ minimum: 1, maximum: 100_000 }),
          Type.String({ pattern: '^[1-9][0-9]{0,4}$' })
        ]),
        coorX: points('From the left edge of the page'),
        coorY: points('From its lower edge'),
        widthRectangle: points('Its width'),
        heightRectangle: points('Its height')
      }),
      { maxItems: 16, description: 'Where the signature is seen: one place; none: it is not seen' }
    )
  ),
  base64Image: Type.Optional(Type.String({ maxLength: imageText, description: 'PNG or JPEG in base64' }))
})
export type UploadRequest = Static<typeof UploadRequest>

const checked = Compile(UploadRequest)

/** Reads the part `request`. @throws ServiceError `request_invalid`, `not_offered` for several places. */
export function readUploadRequest(octets: Uint8Array): UploadRequest {
  const request = parse(octets)
  // Neither U+0000 nor half a character can be stored.
  if (/\\u(?:0000|d[89a-f][0-9a-f]{2})/.test(JSON.stringify(request) ?? ''))
    throw new ServiceError('request_invalid', 'text that is no text', {
      says: 'U+0000 and half characters are not accepted in any value.',
      field: 'request'
    })
  if (!checked.Check(request)) {
    const [first] = checked.Errors(request)
    const where = (first?.instancePath ?? '').split('/').slice(1).join('.')
    throw new ServiceError('request_invalid', `request.${where}: ${first?.message ?? ''}`, {
      says: `The part request is not acceptable at ${where === '' ? 'its root' : where.slice(0, 100)}.`,
      field: 'request'
    })
  }
  placeIn(request)
  return request
}

/** A member that is null counts as absent, as in bodies. */
function parse(octets: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(octets)
    return JSON.parse(text, (_key, value: unknown) => (value === null ? undefined : value))
  } catch {
    throw new ServiceError('request_invalid', 'the part request is not JSON', {
      says: 'The part request is not JSON in UTF-8.',
      field: 'request'
    })
  }
}

/** Where the signature is seen; null: nowhere. */
function placeIn({ display = [] }: UploadRequest): Pick<SignatureAppearance, 'page' | 'rectangle'> | null {
  const [place, ...more] = display
  if (more.length > 0)
    throw new ServiceError('not_offered', 'a signature at several places', {
      says: 'A signature is shown at one place: send one entry in display.',
      field: 'display'
    })
  if (place === undefined) return null
  const rectangle = {
    x: Number(place.coorX),
    y: Number(place.coorY),
    width: Number(place.widthRectangle),
    height: Number(place.heightRectangle)
  }
  const fits = Object.values(rectangle).every((value) => value >= 0 && value <= 10_000)
  if (!fits || rectangle.width === 0 || rectangle.height === 0)
    throw new ServiceError('request_invalid', 'a rectangle that is nowhere', {
      says: 'A place is in points from the lower left corner, at most 10000, with a width and a height.',
      field: 'display'
    })
  return { page: Number(place.page), rectangle }
}

/** How the signature is to look, by a request that was read; null: it is not seen. */
export function appearanceOf(
  request: UploadRequest,
  signerName: string,
  at: Date
): SignatureAppearance | null {
  const place = placeIn(request)
  if (place === null) return null
  const { render = renders.text, base64Image = '', fontSize, reason = '', location = '' } = request
  const logo = render === renders.text || base64Image === '' ? null : readFile(base64Image, 'base64Image')
  const lines = [
    `Ký bởi: ${signerName}`,
    `Ngày ký: ${shownTime(at)}`,
    ...(reason === '' ? [] : [`Lý do: ${reason}`]),
    ...(location === '' ? [] : [`Nơi ký: ${location}`])
  ].map((line) => displayText(line, documentLimits.textCharacters))
  return {
    ...place,
    lines: render === renders.image && logo !== null ? [] : lines,
    fontSize: Number(fontSize) > 0 ? Number(fontSize) : null,
    color: [0, 0, 0],
    logo
  }
}
