import { deflateSync } from 'node:zlib'

/** A PDF of these objects, numbered from 1; the first is its catalog. */
export function pdfOf(objects: readonly (string | Buffer)[], trailer = ''): Buffer {
  const parts = [Buffer.from('%PDF-1.5\n')]
  const offsets: number[] = []
  let at = parts[0]?.length ?? 0
  objects.forEach((object, index) => {
    const part = Buffer.concat([
      Buffer.from(`${index + 1} 0 obj\n`),
      Buffer.from(object),
      Buffer.from('\nendobj\n')
    ])
    offsets.push(at)
    at += part.length
    parts.push(part)
  })
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  parts.push(
    Buffer.from(
      `xref\n0 ${size}\n0000000000 65535 f \n${entries}trailer\n<</Size ${size}/Root 1 0 R${trailer}>>\nstartxref\n${at}\n%%EOF\n`
    )
  )
  return Buffer.concat(parts)
}

const catalog = '<</Type/Catalog/Pages 2 0 R>>'
const pages = '<</Type/Pages/Kids[3 0 R]/Count 1>>'
const page = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]>>'
/** One empty page. */
export const onePage = [catalog, pages, page]

const stream = (entries: string, content: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`<<${entries}/Length ${content.length}>>\nstream\n`),
    content,
    Buffer.from('\nendstream')
  ])

/** What somebody might send to bring a reader down: what it is, the document, and the sentence it is refused with. */
export function hostilePdfs(): [what: string, pdf: Buffer, says: RegExp][] {
  const zeros = deflateSync(Buffer.alloc(200 * 1024 * 1024), { level: 9 })
  const packed = (filters: string, content: Buffer) =>
    pdfOf([...onePage, stream(`/Type/ObjStm/N 1/First 4/Filter ${filters}`, content)])
  return [
    ['a stream that unpacks to 200 MiB', packed('/FlateDecode', zeros), /unpack to more than/],
    ['one packed twice', packed('[/FlateDecode/FlateDecode]', deflateSync(zeros)), /unpack to more than/],
    ['lists 10,000 deep', pdfOf([...onePage, '['.repeat(10_000) + ']'.repeat(10_000)]), /deep/],
    [
      'dictionaries 10,000 deep',
      pdfOf([...onePage, `${'<</A'.repeat(10_000)} 1${'>>'.repeat(10_000)}`]),
      /deep/
    ],
    [
      'pages that contain themselves',
      pdfOf([catalog, '<</Type/Pages/Kids[2 0 R]/Count 1>>']),
      /cannot be read/
    ],
    [
      'fields that contain themselves',
      pdfOf([
        '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>',
        pages,
        page,
        '<</T(a)/Kids[4 0 R]>>'
      ]),
      /too deep/
    ],
    [
      'a signature over something else',
      pdfOf([
        '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>',
        pages,
        page,
        '<</FT/Sig/T(a)/V<</Type/Sig/ByteRange[0 10 20 30]/Contents<00>>>>>'
      ]),
      /ByteRange is not its own/
    ],
    [
      'a certified document that allows no change',
      pdfOf([
        '<</Type/Catalog/Pages 2 0 R/Perms<</DocMDP<</Reference[<</TransformParams<</P 1>>>>]>>>>>>',
        pages,
        page
      ]),
      /allows no changes/
    ],
    [
      'an encrypted document',
      pdfOf(onePage, '/Encrypt<</Filter/Standard/V 1/R 2/O(a)/U(b)/P 1>>/ID[<00><00>]'),
      /is encrypted/
    ],
    [
      'an end that points elsewhere',
      Buffer.from(
        pdfOf(onePage)
          .toString('latin1')
          .replace(/startxref\n\d+/, 'startxref\n9'),
        'latin1'
      ),
      /cross-reference/
    ],
    [
      'a stream of 999,999,999 objects',
      pdfOf([...onePage, stream('/Type/ObjStm/N 999999999/First 9', Buffer.from('abc'))]),
      /cannot be read/
    ],
    ['what is no PDF', Buffer.from('PK\u0003\u0004'), /not a PDF/]
  ]
}
