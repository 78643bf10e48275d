import { createHash } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import type { Clock } from '../clock.js'
import { ServiceError } from '../errors.js'
import type { Authority } from './authority.js'
import { publicKeyOctets } from './certificate.js'
import { engine } from './engine.js'
import { readOcspRequest } from './ocsp-request.js'
import { type CertificateStatus, type PkiStore, revocationReasons } from './pki.js'
import type { Responder } from './responder.js'
import { sharedAnswers } from './shared-answers.js'
import { LineFull, type Turns } from './turns.js'

/** OCSPResponseStatus, RFC 6960 §4.2.1. */
const responseStatus = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  unauthorized: 6
} as const

/** How long a relying party may take an answer for the newest there is, in milliseconds. */
const answerValidMs = 10 * 60_000

/** Hashes by which a CertID may name its issuer. SHA-1 names it here, it protects nothing. */
const certIdHashes: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512'
}

/** What answering for one issuing CA needs. */
export interface OcspDeps {
  issuer: Authority
  responder: Responder
  store: Pick<PkiStore, 'statusesOf' | 'statusesVersion'>
  /** What answers of all CAs are made by: everybody may ask, and nobody for more than they leave to signing. */
  turns: Turns
  now: Clock
  /** Where faults that the asker only sees as internalError or tryLater go. */
  log: { error(fields: { err: unknown }, message: string): void }
}

/**
 * Answers OCSP requests about one CA's certificates, from the statuses as they are at that moment.
 *
 * `unknown` is said of serials never issued and of certificates not yet published: those take effect at publication.
 * Suspended is revoked with the reason certificateHold. A request that names this CA nowhere gets `unauthorized`
 * (RFC 6960 §2.3): this responder has no say there. Whoever finds no place in the line gets `tryLater` (§2.3), unread.
 *
 * A request without a nonce may get an answer that was signed a few seconds ago, if no status of this CA has changed
 * since and all serials in it are known: what is unknown becomes good without a change being counted.
 * @returns From a request in DER to a response in DER; it never throws.
 */
export function ocspAnswers(deps: OcspDeps): (request: Uint8Array) => Promise<Uint8Array> {
  const { issuer, responder, store, turns, now, log } = deps
  const shared = sharedAnswers(now)
  const names = new Map(
    Object.entries(certIdHashes).map(([oid, hash]) => [
      oid,
      {
        name: createHash(hash).update(issuer.subjectDer).digest(),
        key: createHash(hash).update(publicKeyOctets(issuer.spki)).digest()
      }
    ])
  )

  /** Whether the CertID names this CA. */
  function isOurs({ hashAlgorithm, issuerNameHash, issuerKeyHash }: pkijs.CertID): boolean {
    const ours = names.get(hashAlgorithm.algorithmId)
    if (ours === undefined) return false
    const sameName = ours.name.equals(issuerNameHash.valueBlock.valueHexView)
    return sameName && ours.key.equals(issuerKeyHash.valueBlock.valueHexView)
  }

  async function answer(der: Uint8Array): Promise<Uint8Array> {
    const request = readOcspRequest(der)
    if (request === null) return unsigned('malformedRequest')
    const ours = request.certIds.filter(isOurs)
    if (ours.length === 0) return unsigned('unauthorized')
    // Before the statuses, so that no answer is taken for newer than it is.
    const version = request.nonce === null ? await store.statusesVersion(issuer.name) : null
    // Made by somebody who was ahead in the line.
    const made = version === null ? null : shared.find(der, version)
    if (made !== null) return made
    const { key, certificate, keyIdentifier } = await responder()
    const at = wholeSecond(now())
    const found = await store.statusesOf(issuer.name, ours.map(serialHex))
    const statuses = new Map(ours.map((certId, index) => [certId, found[index] ?? null]))
    const responses = request.certIds.map(
      (certId) =>
        new pkijs.SingleResponse({
          certID: certId,
          certStatus: certStatus(statuses.get(certId) ?? null),
          thisUpdate: at,
          nextUpdate: new Date(at.getTime() + answerValidMs)
        })
    )
    const basic = new pkijs.BasicOCSPResponse({
      tbsResponseData: new pkijs.ResponseData({
        responderID: new asn1js.OctetString({ valueHex: keyIdentifier }), // byKey
        producedAt: at,
        responses,
        ...(request.nonce === null ? {} : { responseExtensions: [request.nonce] })
      }),
      certs: [certificate]
    })
    await basic.sign(key as never, key.hash, engine)
    const signed = successful(new Uint8Array(basic.toSchema().toBER()))
    if (version !== null && request.certIds.every((certId) => statuses.get(certId)))
      shared.keep(der, signed, version)
    return signed
  }

  /** What was answered lately needs no place in the line. */
  async function answerAgain(der: Uint8Array): Promise<Uint8Array | null> {
    return shared.knows(der) ? shared.find(der, await store.statusesVersion(issuer.name)) : null
  }

  return async (der) => {
    try {
      return (await answerAgain(der)) ?? (await turns(() => answer(der)))
    } catch (error) {
      if (error instanceof LineFull) return unsigned('tryLater')
      log.error({ err: error }, `OCSP of ${issuer.name}`)
      const later = error instanceof ServiceError && temporary.includes(error.code)
      return unsigned(later ? 'tryLater' : 'internalError')
    }
  }
}

const temporary: readonly string[] = ['database_unavailable', 'hsm_unavailable', 'hsm_busy']

/** The serial as it is stored: upper-case hex without leading zero octets. */
function serialHex({ serialNumber }: pkijs.CertID): string {
  return Buffer.from(serialNumber.valueBlock.valueHexView)
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+(?=..)/, '')
}

/** CertStatus, RFC 6960 §4.2.1. The reason `unspecified` is left out, as in a CRL. */
function certStatus(status: CertificateStatus): asn1js.BaseBlock {
  const tagged = (tagNumber: number) => ({ idBlock: { tagClass: 3, tagNumber } })
  if (status === 'good') return new asn1js.Primitive({ ...tagged(0), lenBlock: { length: 1 } })
  if (status === null) return new asn1js.Primitive({ ...tagged(2), lenBlock: { length: 1 } })
  const reason = revocationReasons[status.reason]
  return new asn1js.Constructed({
    ...tagged(1),
    value: [
      new asn1js.GeneralizedTime({ valueDate: wholeSecond(status.at) }),
      ...(reason === 0
        ? []
        : [new asn1js.Constructed({ ...tagged(0), value: [new asn1js.Enumerated({ value: reason })] })])
    ]
  })
}

/** An error response: nothing but its status, and no signature (RFC 6960 §2.3). */
function unsigned(status: keyof typeof responseStatus): Uint8Array {
  return Uint8Array.of(0x30, 0x03, 0x0a, 0x01, responseStatus[status])
}

function successful(basic: Uint8Array): Uint8Array {
  return new Uint8Array(
    new pkijs.OCSPResponse({
      responseStatus: new asn1js.Enumerated({ value: responseStatus.successful }),
      responseBytes: new pkijs.ResponseBytes({
        responseType: '1.3.6.1.5.5.7.48.1.1', // id-pkix-ocsp-basic
        response: new asn1js.OctetString({ valueHex: basic })
      })
    })
      .toSchema()
      .toBER()
  )
}

/** RFC 5280 §4.1.2.5.2 knows no fractions of a second. */
function wholeSecond(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000)
}
