import type { CredentialAsked } from '../../access/oauth/oauth.js'
import { descriptionMaxLength } from '../../activation/ask.js'
import { hashes } from '../../hsm/hashes.js'
import type { HashAlgorithm } from '../../hsm/hsm.js'
import { readHash } from '../algorithms.js'
import { base64Pattern, digestsMax, notBase64, readDigests } from '../digests.js'
import { invalidRequest } from '../faults.js'
import { missing, visible } from '../validation.js'
import { invalidParameter, type Parameters } from './form.js'
import type { Version } from './version.js'

/** Signatures of one authorization, at most; a credential's `multisign` may allow fewer. */
const signaturesMax = digestsMax
const base64 = new RegExp(base64Pattern)
const base64url = /^[A-Za-z0-9_-]{2,86}={0,2}$/
const identifier = new RegExp(`^(?=.{1,64}$)${visible.slice(1)}`)

/** A qualifier of signatures, `X_Y_Z`: country, law, kind (CSC API v2 §11.11). */
const qualifier = /^[a-z]{2}(_[a-z0-9]{1,20}){2}$/

/**
 * What scope `credential` asks for, by the parameters of the request (CSC API v1 §8.3.2, v2 §8.4.2).
 * @param anyBase64 Whether digests are taken as base64 too, and not as base64url alone.
 * @throws CscFault the first in the order of the tables.
 */
export function readCredential(
  parameters: Parameters,
  version: Version,
  anyBase64: boolean
): CredentialAsked {
  const { credentialID, signatureQualifier, numSignatures, description = '' } = parameters
  const named = readNamed(
    { credentialID, signatureQualifier: version === 'v2' ? signatureQualifier : undefined },
    credentialFaults
  )
  const count = readCount(numSignatures)
  const { hash, digests } = readDigestsOf(parameters, version, anyBase64)
  // Fewer may do with SCAL 1, and which credential it is may not be told before the person is known.
  if (digests.length > count) throw invalidRequest('Invalid value for parameter numSignatures')
  if (description.length > descriptionMaxLength) throw invalidParameter('description')
  return {
    ...named,
    ...{ numSignatures: count, hash, digests: digests.map(toBase64), documentNames: [], description },
    details: null
  }
}

const credentialFaults = {
  missing: invalidRequest(missing('string', 'credentialID')),
  credential: invalidParameter('credentialID'),
  qualifier: invalidParameter('signatureQualifier')
}

/** One of the two, or both; whether there is such a credential is not asked before the person is known (I6). */
export function readNamed(
  { credentialID, signatureQualifier }: { credentialID?: unknown; signatureQualifier?: unknown },
  faults: { missing: Error; credential: Error; qualifier: Error }
): Pick<CredentialAsked, 'credentialId' | 'signatureQualifier'> {
  if (credentialID === undefined && signatureQualifier === undefined) throw faults.missing
  if (credentialID !== undefined && !(typeof credentialID === 'string' && identifier.test(credentialID)))
    throw faults.credential
  if (
    signatureQualifier !== undefined &&
    !(typeof signatureQualifier === 'string' && qualifier.test(signatureQualifier))
  )
    throw faults.qualifier
  return { credentialId: credentialID ?? null, signatureQualifier: signatureQualifier ?? null }
}

function readCount(text: string | undefined): number {
  if (text === undefined || !/^-?[0-9]{1,9}$/.test(text))
    throw invalidRequest(missing('integer', 'numSignatures'))
  const count = Number(text)
  if (count < 1) throw invalidRequest('Invalid value for parameter numSignatures')
  if (count > signaturesMax) throw invalidRequest('Numbers of signatures is too high')
  return count
}

interface Digests {
  hash: HashAlgorithm | null
  digests: readonly Uint8Array[]
}

/** Joined by commas. v1 names no algorithm: a digest is of the hash that has its length. */
function readDigestsOf(parameters: Parameters, version: Version, anyBase64: boolean): Digests {
  const list = version === 'v1' ? parameters.hash : parameters.hashes
  if (list === undefined) return { hash: null, digests: [] }
  const texts = list.split(',', digestsMax + 1)
  if (texts.length > digestsMax) throw invalidRequest('Numbers of signatures is too high')
  const form = anyBase64 ? base64 : base64url
  if (!texts.every((text) => form.test(text))) throw invalidRequest(notBase64)
  const hash = version === 'v1' ? hashOf(texts[0] ?? '') : readHash(parameters.hashAlgorithmOID)
  return { hash, digests: readDigests(texts, hash) }
}

function hashOf(text: string): HashAlgorithm {
  const { length } = Buffer.from(text, 'base64')
  const found = (Object.keys(hashes) as HashAlgorithm[]).find((name) => hashes[name].octets === length)
  if (found === undefined) throw invalidRequest('Invalid digest value length')
  return found
}

/** In the one form in which digests are kept. */
export const toBase64 = (digest: Uint8Array): string => Buffer.from(digest).toString('base64')
