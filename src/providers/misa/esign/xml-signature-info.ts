import { type Static, Type } from 'typebox'
import type { XmlRequest } from '../../../documents/documents.js'
import { ServiceError } from '../../../errors.js'

const pathText = Type.String({ minLength: 1, maxLength: 512 })

/** How the signature of an XML document is made (§5.4). */
export const XmlSignatureInfo = Type.Object({
  Id: Type.Optional(
    Type.String({ maxLength: 64, pattern: '^([A-Za-z_][A-Za-z0-9_.-]*)?$', description: 'Of the signature' })
  ),
  NodeToSign: Type.Optional(
    Type.Array(pathText, {
      maxItems: 20,
      description: 'Ids, or `xpath:` and a path of element names from the root; none: the whole document'
    })
  ),
  SignatureLocation: Type.Optional(
    Type.String({
      maxLength: 512,
      description: 'Path of the element that holds the signature; empty: the root'
    })
  ),
  ShowSigningTime: Type.Optional(Type.Boolean({ description: 'true is not offered' })),
  TimeNodeId: Type.Optional(Type.String({ maxLength: 64 })),
  HashAlgorithm: Type.Optional(Type.String({ maxLength: 16, description: 'SHA256' }))
})

/** Members in their spelling. */
export const xmlSignatureInfoSpelling = Object.fromEntries(
  Object.keys(XmlSignatureInfo.properties).map((name) => [name, null])
)

/** @throws ServiceError `not_offered`, `hash_algorithm_refused`. */
export function readXmlSignatureInfo(
  info: Static<typeof XmlSignatureInfo>
): Pick<XmlRequest, 'nodes' | 'location' | 'signatureId'> {
  if (info.ShowSigningTime === true)
    throw new ServiceError('not_offered', 'a signing time in XML', {
      says: 'A signing time in XML is not offered: send ShowSigningTime false.',
      field: 'ShowSigningTime'
    })
  if (info.HashAlgorithm !== undefined && !/^(SHA-?256)?$/i.test(info.HashAlgorithm))
    throw new ServiceError('hash_algorithm_refused', `XML by ${info.HashAlgorithm}`, {
      says: 'HashAlgorithm is SHA256.',
      field: 'HashAlgorithm'
    })
  return {
    nodes: info.NodeToSign ?? [],
    location: info.SignatureLocation || null,
    signatureId: info.Id || null
  }
}
