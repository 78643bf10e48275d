import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { documentLimits } from '../../../documents/documents.js'
import { ServiceError } from '../../../errors.js'
import type { Findings } from '../../dialect/findings.js'
import { requestOctets } from './upload-request.js'

/** Octets of each part. */
const limits = { request: requestOctets, file: documentLimits.octets } as const
type PartName = keyof typeof limits

/** How a form is taken apart: every part as a stream, and no more of them, nor larger ones, than there are to be. */
export const multipartOptions = {
  isPartAFile: () => true,
  throwFileSizeLimit: false,
  limits: {
    parts: 3,
    files: 3,
    fields: 0,
    fileSize: Math.max(limits.request, limits.file),
    headerPairs: 20,
    fieldNameSize: 100
  }
}
/** Octets of a whole form, by its own word. */
const formOctets = limits.request + limits.file + 16 * 1024

/** The two parts of an upload (§4.3). */
export interface UploadParts {
  request: Uint8Array
  file: Uint8Array
  /** As the client's own system calls it. */
  fileName: string
}

/**
 * Reads a form, which stays in memory.
 * @throws ServiceError `media_type_unsupported`, `request_too_large`, `request_invalid`.
 */
export async function readUpload(request: FastifyRequest, findings: Findings): Promise<UploadParts> {
  if (!request.isMultipart())
    throw new ServiceError('media_type_unsupported', 'no form', {
      says: 'Send multipart/form-data with the parts request and file.'
    })
  if (Number(request.headers['content-length'] ?? 0) > formOctets) throw tooLarge('file')
  try {
    return await readParts(request, findings)
  } catch (error) {
    // What is still on its way is not read into anything, and the answer need not wait for it.
    request.raw.unpipe()
    request.raw.resume()
    if (error instanceof ServiceError) throw error
    throw unreadable(error)
  }
}

async function readParts(request: FastifyRequest, findings: Findings): Promise<UploadParts> {
  const read = new Map<PartName, { octets: Uint8Array; fileName: string }>()
  for await (const part of request.parts()) {
    if (part.type !== 'file') throw new TypeError('every part is a stream')
    const name = nameOf(part)
    if (read.has(name)) throw invalid(`there are two parts ${name}`, `There are two parts ${name}.`)
    if (name === 'file' && !read.has('request'))
      findings.forgive({
        code: 'file_before_request',
        field: 'request',
        found: 'The part file comes before the part request.',
        remedy: 'Send the part request first.'
      })
    read.set(name, { octets: await octetsOf(part, name), fileName: part.filename ?? '' })
  }
  const [asked, file] = [read.get('request'), read.get('file')]
  if (asked === undefined || file === undefined)
    throw invalid('a part is missing', 'Send the parts request and file.')
  return { request: asked.octets, file: file.octets, fileName: file.fileName }
}

function nameOf({ fieldname }: MultipartFile): PartName {
  if (fieldname === 'request' || fieldname === 'file') return fieldname
  throw invalid('a part with another name', 'There are no other parts than request and file.')
}

async function octetsOf({ file }: MultipartFile, name: PartName): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of file as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > limits[name]) throw tooLarge(name)
    chunks.push(chunk)
  }
  if (file.truncated) throw tooLarge(name)
  return Buffer.concat(chunks)
}

function unreadable(error: unknown): ServiceError {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return code === 'FST_PARTS_LIMIT' || code === 'FST_FILES_LIMIT' || code === 'FST_FIELDS_LIMIT'
    ? invalid('too many parts', 'There are no other parts than request and file.')
    : new ServiceError('request_invalid', 'the form cannot be read', {
        says: 'The form cannot be read to its end.',
        cause: error
      })
}

const invalid = (message: string, says: string) => new ServiceError('request_invalid', message, { says })
const tooLarge = (name: PartName) =>
  new ServiceError('request_too_large', `the part ${name} is too large`, {
    says: `The part ${name} has at most ${limits[name]} octets.`,
    field: name
  })
