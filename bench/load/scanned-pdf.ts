import { createCipheriv, createHash } from 'node:crypto'

/** Points of a row of a page's image; an octet each. */
const width = 256
/** Octets of a page's image, about. */
const pageOctets = 640 * 1024
/** Octets of all that is no image: of the file, and of each page. */
const around = { file: 400, page: 600 }

/**
 * A made-up PDF like a scanned contract: pages with an image each, which no compression makes smaller.
 * @param octets At least 16 KiB. The PDF has up to 1 % less, and the same length for every seed.
 */
export function scannedPdf(octets: number, seed: string): Buffer {
  const pages = Math.max(1, Math.round(octets / pageOctets))
  const height = Math.floor(((octets - around.file) / pages - around.page) / width)
  const noise = noiseOf(seed, pages * width * height)
  const objects: Buffer[] = []
  const add = (...parts: (string | Buffer)[]) => {
    objects.push(Buffer.concat(parts.map((part) => Buffer.from(part))))
  }
  const first = (page: number) => 3 + 3 * page
  const kids = Array.from({ length: pages }, (_, page) => `${first(page)} 0 R`).join(' ')
  add('<</Type/Catalog/Pages 2 0 R>>')
  add(`<</Type/Pages/Kids[${kids}]/Count ${pages}>>`)
  for (let page = 0; page < pages; page += 1) {
    const at = first(page)
    const drawn = 'q 595 0 0 842 0 0 cm /I Do Q'
    add(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents ${at + 1} 0 R/Resources<</XObject<</I ${at + 2} 0 R>>>>>>`
    )
    add(`<</Length ${drawn.length}>>\nstream\n${drawn}\nendstream`)
    const image = noise.subarray(page * width * height, (page + 1) * width * height)
    add(
      `<</Type/XObject/Subtype/Image/Width ${width}/Height ${height}/ColorSpace/DeviceGray/BitsPerComponent 8/Length ${image.length}>>\nstream\n`,
      image,
      '\nendstream'
    )
  }
  return written(objects)
}

/** Octets without order: AES in counter mode over zeros. */
function noiseOf(seed: string, octets: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(octets))
}

/** With a header, a cross-reference table and a trailer (ISO 32000-1 §7.5). */
function written(objects: readonly Buffer[]): Buffer {
  const parts = [Buffer.from('%PDF-1.5\n%\xe2\xe3\xcf\xd3\n', 'latin1')]
  let at = parts[0]?.length ?? 0
  let table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`
  for (const [index, object] of objects.entries()) {
    const part = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')])
    table += `${String(at).padStart(10, '0')} 00000 n \n`
    at += part.length
    parts.push(part)
  }
  const trailer = `trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${at}\n%%EOF\n`
  return Buffer.concat([...parts, Buffer.from(table + trailer)])
}
