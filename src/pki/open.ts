import type { Clock } from '../clock.js'
import type { Hsm } from '../hsm/hsm.js'
import { addressesAt } from './addresses.js'
import { type Ceremony, ceremony as packagedCeremony } from './ceremony.js'
import { certificateReader } from './certificate.js'
import { openHierarchy } from './hierarchy.js'
import { issueLeaf } from './leaf.js'
import type { PkiLog } from './log.js'
import { ocspAnswers } from './ocsp.js'
import { type Pki, type PkiStore, timestampAuthority, tlsRoot } from './pki.js'
import { revocationLists } from './revocation-lists.js'
import { namedSerialNumber, randomSerialNumber } from './serial-number.js'
import { openServerCertificates } from './server-certificates.js'
import { timestamps } from './timestamps.js'
import { createTurns } from './turns.js'

/**
 * What everybody may ask for is made in small numbers, over all CAs, since it takes database connections, the HSM and
 * the processor from those who sign. A line of OCSP requests this long is worked off in well under a second.
 */
const ocspLimits = { atOnce: 4, waitingAtMost: 64 }
/** One CRL at a time. Each CA asks for one at most, so the line is no longer than the CAs are many. */
const listLimits = { atOnce: 1, waitingAtMost: Number.POSITIVE_INFINITY }

/** What the certificate authorities stand on; `server.ts` hands it in. */
export interface PkiDeps {
  hsm: Pick<Hsm, 'tokenKey'>
  store: PkiStore
  now: Clock
  /** `PKI_URL`: where certificates say that CRL, OCSP and CA files are. No trailing slash. */
  baseUrl: string
  log: PkiLog
  /** Default: `keys/ceremony.json`. */
  ceremony?: Ceremony
  /** DNS names and IP addresses that this server is to be certified for; null or left out: it does not speak TLS. */
  serverNames?: readonly string[] | null
}

/**
 * Opens the certificate authorities. On a first start the hierarchy is made, which takes some seconds; a start that
 * was interrupted is taken up where it ended.
 * @throws StartError when the ceremony is not acceptable, or database and HSM are of different installations.
 */
export async function openPki(deps: PkiDeps): Promise<Pki> {
  const { store, now, baseUrl, log, ceremony = packagedCeremony() } = deps
  const addresses = addressesAt(baseUrl)
  const { root, tsa, issuing } = await openHierarchy(ceremony, { ...deps, addresses })
  const describe = certificateReader()
  const ocspTurns = createTurns(ocspLimits)
  const listTurns = createTurns(listLimits)

  const authorities = new Map([
    ['root', root],
    [timestampAuthority, tsa]
  ])
  const lists = new Map([
    [
      'root',
      revocationLists({ issuer: root, validDays: ceremony.root.listValidDays, store, turns: listTurns, now })
    ]
  ])
  const issuers = new Map(
    ceremony.authorities.map((of) => {
      const opened = issuing.get(of.provider)
      if (opened === undefined) throw new TypeError(`${of.provider} was not opened`)
      const { authority: issuer, responder } = opened
      authorities.set(of.provider, issuer)
      lists.set(
        of.provider,
        revocationLists({ issuer, validDays: of.listValidDays, store, turns: listTurns, now })
      )
      if (!Buffer.from(issuer.certificate).includes(addresses.list('root'))) {
        log.info(`the CA certificate of ${of.provider} names a CRL address of an earlier PKI_URL`)
      }
      const ocsp = ocspAnswers({ issuer, responder, store, turns: ocspTurns, now, log })
      return [of.provider, { ceremony: of, issuer, ocsp }] as const
    })
  )

  const serverCertificates =
    deps.serverNames == null
      ? null
      : await openServerCertificates({ ...deps, names: deps.serverNames, ceremony: ceremony.tls })

  function issuerOf(provider: string) {
    const found = issuers.get(provider)
    if (found === undefined) throw new RangeError(`no issuing CA for provider ${provider}`)
    return found
  }

  return {
    issue: async (request) => {
      const { ceremony: of, issuer } = issuerOf(request.provider)
      return issueLeaf(request, of, issuer, addresses)
    },
    newSerialNumber: (provider) => randomSerialNumber(issuerOf(provider).ceremony.leaf.serialPrefix),
    policy: (provider) => issuerOf(provider).ceremony.leaf.policy.oid,
    stableSerialNumber: (provider, name) =>
      namedSerialNumber(issuerOf(provider).ceremony.leaf.serialPrefix, provider, name),
    chain: (name) => [
      (name === timestampAuthority ? tsa : issuerOf(name).issuer).certificate,
      root.certificate
    ],
    describe,
    authority: (name) =>
      name === tlsRoot ? (serverCertificates?.root ?? null) : (authorities.get(name)?.certificate ?? null),
    crl: async (name) => (await lists.get(name)?.()) ?? null,
    ocsp: (provider, request) => issuerOf(provider).ocsp(request),
    timestamps: timestamps({ tsa, ceremony: ceremony.timestamp, now }),
    serverCertificates,
    close: async () => {
      // Nothing is held here: keys belong to the HSM, rows to the store.
    }
  }
}
