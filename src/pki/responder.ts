import * as pkijs from 'pkijs'
import type { Clock } from '../clock.js'
import type { TokenKey } from '../hsm/hsm.js'
import { type Authority, makeResponderCertificate } from './authority.js'
import type { IssuingCeremony } from './ceremony.js'
import { keyIdentifier } from './certificate.js'
import { type HsmCryptoKey, hsmCryptoKey } from './engine.js'
import type { PkiLog } from './log.js'
import type { PkiStore } from './pki.js'
import { randomSerialNumber } from './serial-number.js'
import * as x509 from './x509.js'

/** Key and certificate by which OCSP answers are signed now. */
export interface ResponderIdentity {
  key: HsmCryptoKey
  /** Parsed once: parsing costs more than the rest of a response. */
  certificate: pkijs.Certificate
  keyIdentifier: Buffer
}

/** Gives the present identity, renewing it first when it is nearly over. */
export type Responder = () => Promise<ResponderIdentity>

/** What a responder needs. */
export interface ResponderDeps {
  issuer: Authority
  ceremony: IssuingCeremony
  key: TokenKey
  /** The certificate that stands, DER. */
  certificate: Uint8Array | null
  store: Pick<PkiStore, 'setOcspCertificate'>
  now: Clock
  log: PkiLog
}

/**
 * The delegated OCSP responder of one CA. Its certificate is renewed by whoever asks when less than a third of its
 * time is left; if that fails while it is still valid, the old one goes on serving. Two servers may renew at the same
 * time: both certificates are good, the later one is kept.
 */
export function responder({ issuer, ceremony, key, certificate, store, now, log }: ResponderDeps): Responder {
  const signingKey = hsmCryptoKey(key)
  const identifier = keyIdentifier(key.spki)
  let present = certificate === null ? null : read(certificate)
  let renewing: Promise<Standing> | null = null

  function read(der: Uint8Array): Standing | null {
    const { notBefore, notAfter, publicKey } = new x509.X509Certificate(Uint8Array.from(der))
    if (!Buffer.from(publicKey.rawData).equals(key.spki)) return null // of a token that was replaced
    return {
      notBefore,
      notAfter,
      identity: {
        key: signingKey,
        certificate: pkijs.Certificate.fromBER(Uint8Array.from(der)),
        keyIdentifier: identifier
      }
    }
  }

  async function renew(): Promise<Standing> {
    const der = await makeResponderCertificate(
      {
        key,
        validDays: ceremony.responder.validDays,
        now: now(),
        serialNumber: randomSerialNumber(ceremony.leaf.serialPrefix)
      },
      issuer
    )
    await store.setOcspCertificate(issuer.name, der)
    const standing = read(der)
    if (standing === null) throw new TypeError('the new responder certificate is not for its key')
    log.info(`made a new OCSP certificate for ${issuer.name}`)
    return standing
  }

  return async () => {
    const at = now()
    if (present !== null && !nearlyOver(present, at)) return present.identity
    renewing ??= renew().finally(() => {
      renewing = null
    })
    try {
      present = await renewing
    } catch (error) {
      if (present === null || present.notAfter <= at || present.notBefore > at) throw error
      log.warn(
        { err: error },
        `could not renew the OCSP certificate of ${issuer.name}; the present one serves on`
      )
    }
    return present.identity
  }
}

interface Standing {
  notBefore: Date
  notAfter: Date
  identity: ResponderIdentity
}

function nearlyOver({ notBefore, notAfter }: Standing, at: Date): boolean {
  const third = (notAfter.getTime() - notBefore.getTime()) / 3
  return notBefore > at || notAfter.getTime() - at.getTime() < third
}
