import { createHash } from 'node:crypto'
import type { SealedFields } from '../store/seals.js'
import type { Device } from './enrolment.js'
import type { ActivationCode, CredentialRecord, SubscriberRecord } from './needs.js'

/**
 * What the seal of each row covers (I11). Adding a member makes every stored seal of that kind wrong: that needs a
 * migration which seals anew.
 */
export function credentialFields(credential: CredentialRecord): SealedFields {
  const { key } = credential
  return {
    id: credential.id,
    provider: credential.provider,
    version: credential.version,
    subscriber: credential.subscriberId,
    algorithm: credential.algorithm,
    serialNumber: credential.serialNumber,
    certificateSha256: createHash('sha256').update(credential.certificate).digest(),
    spki: key.spki,
    wrappedKey: key.wrapped,
    tokenKeyId: key.tokenKeyId,
    status: credential.status,
    notBefore: credential.notBefore,
    notAfter: credential.notAfter,
    auth: credential.auth,
    pinHash: credential.pinHash,
    scal: credential.scal,
    multisign: credential.multisign,
    issuedAt: credential.issuedAt,
    publishedAt: credential.publishedAt,
    suspendedAt: credential.suspendedAt,
    revokedAt: credential.revokedAt,
    revocationReason: credential.revocationReason
  }
}

/** The whole row: who a login belongs to, what goes into the next certificate, and what the password is. */
export function subscriberFields(subscriber: SubscriberRecord): SealedFields {
  return {
    id: subscriber.id,
    provider: subscriber.provider,
    version: subscriber.version,
    login: subscriber.login,
    passwordHash: subscriber.passwordHash,
    fullName: subscriber.fullName,
    nationalId: subscriber.nationalId,
    email: subscriber.email,
    phone: subscriber.phone,
    secondFactor: subscriber.secondFactor,
    title: subscriber.title,
    // Whatever members it has.
    organisation: subscriber.organisation && Object.fromEntries(Object.entries(subscriber.organisation)),
    locality: subscriber.locality,
    province: subscriber.province,
    demo: subscriber.demo,
    createdAt: subscriber.createdAt
  }
}

export function deviceFields(device: Device): SealedFields {
  return {
    id: device.id,
    provider: device.provider,
    version: device.version,
    subscriber: device.subscriberId,
    spki: device.spki,
    webauthnId: device.webauthn?.credentialId ?? null,
    webauthnKey: device.webauthn?.spki ?? null,
    virtual: device.virtual,
    wrappedKey: device.virtualKey?.wrapped ?? null,
    tokenKeyId: device.virtualKey?.tokenKeyId ?? null,
    removedAt: device.removedAt,
    removedBy: device.removedBy
  }
}

/**
 * A code is the right to add a device: one that somebody wrote with SQL would enrol a stranger's phone. It has no
 * version; each change of it is a change of one of these members.
 */
export function activationCodeFields(code: ActivationCode): SealedFields {
  return {
    id: code.id,
    provider: code.provider,
    version: 0,
    subscriber: code.subscriberId,
    codeSha256: code.codeSha256,
    createdBy: code.createdBy,
    createdAt: code.createdAt,
    expiresAt: code.expiresAt,
    consent: code.consent,
    consentBy: code.consentBy,
    consentActivationId: code.consentActivationId,
    usedAt: code.usedAt,
    usedByDeviceId: code.usedByDeviceId
  }
}
