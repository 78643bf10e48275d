import { inflateSync } from 'node:zlib'
import { DocumentRefusal } from '../refusal.js'

/** Points of an image, and octets of each, at most. */
const pixelsMax = 1024 * 1024
const octetsPerPixel = 8

const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex')

/**
 * What kind of image a logo is.
 * @throws DocumentRefusal for any other, and for a PNG that unpacks to more than it says or than a logo needs.
 */
export function logoKind(logo: Uint8Array): 'png' | 'jpeg' {
  const octets = Buffer.from(logo)
  if (octets.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex'))) return 'jpeg'
  if (!octets.subarray(0, 8).equals(pngSignature) || octets.length < 33)
    throw new DocumentRefusal('A logo is a PNG or a JPEG.')
  requireSmall(octets.readUInt32BE(16), octets.readUInt32BE(20))
  const packed: Buffer[] = []
  for (let at = 8; at + 12 <= octets.length; ) {
    const length = octets.readUInt32BE(at)
    const type = octets.toString('latin1', at + 4, at + 8)
    if (type === 'IDAT') packed.push(octets.subarray(at + 8, at + 8 + length))
    // Profiles and texts, which are packed, too, have no place in a logo.
    if (/^(iCCP|zTXt|iTXt|acTL|fdAT)$/.test(type))
      throw new DocumentRefusal(`A logo without ${type} is asked for.`)
    at += 12 + length
  }
  try {
    inflateSync(Buffer.concat(packed), { maxOutputLength: pixelsMax * octetsPerPixel + 4096 })
  } catch (cause) {
    throw new DocumentRefusal('The logo cannot be unpacked.', { cause })
  }
  return 'png'
}

function requireSmall(width: number, height: number): void {
  if (width * height > pixelsMax)
    throw new DocumentRefusal(`A logo has at most ${pixelsMax} pixels; this one has ${width} × ${height}.`)
}
