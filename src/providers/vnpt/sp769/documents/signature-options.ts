import { type Static, Type } from 'typebox'
import { displayText } from '../../../../activation/display-text.js'
import { documentLimits, type SignatureAppearance } from '../../../../documents/documents.js'
import { shownTime } from '../../../../documents/pdf/times.js'
import { ServiceError } from '../../../../errors.js'
import { readFile } from '../../../dialect/document-text.js'

/** What is shown, as the service's own library numbers it; above and behind the text are drawn left of it here. */
const renderModes = { text: 0, logo: 2 }
const imageText = Math.ceil((documentLimits.logoOctets * 4) / 3) + 4

/** `sigOptions` (§3.3). */
export const SignatureOptions = Type.Object({
  renderMode: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 4, description: '0: text, 2: image, others: image and text' })
  ),
  customImage: Type.Optional(Type.String({ maxLength: imageText, description: 'PNG or JPEG in base64' })),
  fontSize: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: 'Points, at most' })),
  fontColor: Type.Optional(
    Type.String({ maxLength: 7, pattern: '^(#?[0-9A-Fa-f]{6})?$', description: 'RRGGBB in hexadecimal' })
  ),
  signatureText: Type.Optional(
    Type.String({ maxLength: 4 * documentLimits.textCharacters, description: 'Lines of text; ours if empty' })
  ),
  signatures: Type.Optional(
    Type.Array(
      Type.Object({
        page: Type.Integer({ minimum: 1, maximum: 100_000 }),
        rectangle: Type.String({
          maxLength: 64,
          pattern: '^ *-?[0-9.]+ *(, *-?[0-9.]+ *){3}$',
          description: 'x1,y1,x2,y2 in points from the lower left corner'
        })
      }),
      { maxItems: 16, description: 'Where it is seen: one place; none: not seen' }
    )
  )
})

/** Reads how a signature is to look; null: it is not seen. */
export function readOptions(
  options: Static<typeof SignatureOptions>,
  signerName: string,
  at: Date
): SignatureAppearance | null {
  const [place, ...more] = options.signatures ?? []
  if (more.length > 0)
    throw new ServiceError('not_offered', 'a signature at several places', {
      says: 'A signature is shown at one place.',
      field: 'sigOptions.signatures'
    })
  if (place === undefined) return null
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = place.rectangle.split(',').map(Number)
  const rectangle = {
    x: Math.min(x1, x2),
    y: Math.min(y1, y2),
    width: Math.abs(x2 - x1),
    height: Math.abs(y2 - y1)
  }
  const fits = Object.values(rectangle).every(
    (value) => Number.isFinite(value) && value >= 0 && value <= 10_000
  )
  if (!fits || rectangle.width === 0 || rectangle.height === 0)
    throw new ServiceError('request_invalid', 'a rectangle without a size', {
      says: 'The rectangle is x1,y1,x2,y2 in points, with a width and a height.',
      field: 'sigOptions.signatures[0].rectangle'
    })
  const { renderMode = renderModes.text, customImage = '' } = options
  const logo =
    renderMode === renderModes.text || customImage === ''
      ? null
      : readFile(customImage, 'sigOptions.customImage')
  const lines = (options.signatureText ?? '')
    .split(/\r?\n/)
    .map((line) => displayText(line, documentLimits.textCharacters))
    .filter((line) => line !== '')
  const ours = [`Ký bởi: ${signerName}`, `Ngày ký: ${shownTime(at)}`]
  const value = Number.parseInt((options.fontColor ?? '').replace('#', '') || '0', 16)
  return {
    page: place.page,
    rectangle,
    lines: renderMode === renderModes.logo && logo !== null ? [] : lines.length > 0 ? lines : ours,
    fontSize: options.fontSize || null,
    color: [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255],
    logo
  }
}
