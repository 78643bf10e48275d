import {
  AuthorityError,
  type DigestToSign,
  type RemoteAuthority,
  type SignatureOutcome,
  type SignerCertificate
} from '../../examples/dvctt-portal/authorities/remote-authority.js'
import type { Signer } from './openssl-signers.js'

/** A provider somewhere else, whose signers answer as a test says. Certificates and signatures are real. */
export interface Elsewhere extends RemoteAuthority {
  /** What signers were asked, in this order. */
  asked: { login: string; documents: readonly DigestToSign[] }[]
  /** What it answers to whoever waits. */
  outcome: SignatureOutcome['status']
  /** Whether it answers with what another key made. */
  byAnotherKey: Signer | null
  /** How often it still fails to answer. */
  silences: number
  /** Certificates by login. */
  people: Map<string, { certificate: SignerCertificate; signer: Signer }>
}

/** VIETTEL SMART CA, without a server; `secret` is everybody's password where it is given. */
export function providerElsewhere(id: RemoteAuthority['id'] = 'viettel', secret?: string): Elsewhere {
  const provider: Elsewhere = {
    id,
    label: `${id.toUpperCase()} SMART CA`,
    asksPassword: secret !== undefined,
    loginExample: 'CMT_0123456789',
    asked: [],
    outcome: 'waiting',
    byAnotherKey: null,
    silences: 0,
    people: new Map(),

    async certificates({ name, password }) {
      await Promise.resolve()
      if (secret !== undefined && password !== secret) throw new AuthorityError('Sai mật khẩu.', 'refused')
      const person = provider.people.get(name)
      return person === undefined ? [] : [person.certificate]
    },

    async requestSignatures({ name }, _certificate, documents) {
      provider.asked.push({ login: name, documents })
      const person = provider.people.get(name)
      return {
        transactionId: String(provider.asked.length),
        async outcome(): Promise<SignatureOutcome> {
          if (provider.silences > 0) {
            provider.silences -= 1
            throw new AuthorityError('Không trả lời.', 'timeout')
          }
          const status = provider.outcome
          if (status === 'failed') return { status, reason: 'Không ký được.' }
          if (status !== 'signed') return { status }
          const signer = provider.byAnotherKey ?? person?.signer
          if (signer === undefined) throw new Error('nobody signs')
          const signatures = []
          for (const { digest } of documents) signatures.push(await signer.sign(digest))
          return { status, signatures }
        }
      }
    }
  }
  return provider
}

/** A certificate as a provider lists it. */
export function listed(signer: Signer, serialNumber: string, commonName: string): SignerCertificate {
  return {
    ...{ keyId: serialNumber, serialNumber, subject: `CN=${commonName}`, commonName, chain: signer.chain },
    ...{ organisation: 'Trường THCS Sông Lô', title: 'chức danh' },
    ...{ notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2029-01-01T00:00:00Z') }
  }
}
