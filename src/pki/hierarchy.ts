import type { Clock } from '../clock.js'
import { StartError } from '../errors.js'
import type { Hsm, TokenKey } from '../hsm/hsm.js'
import type { Addresses } from './addresses.js'
import {
  type Authority,
  authority,
  makeIssuingCertificate,
  makeRootCertificate,
  makeTimestampCertificate
} from './authority.js'
import type { Ceremony, IssuingCeremony } from './ceremony.js'
import type { PkiLog } from './log.js'
import { type PkiStore, timestampAuthority } from './pki.js'
import { type Responder, responder } from './responder.js'

/** The CAs of an installation, ready to sign. */
export interface Hierarchy {
  root: Authority
  /** No CA, yet made, kept and opened like one. */
  tsa: Authority
  /** By provider. */
  issuing: ReadonlyMap<string, { authority: Authority; responder: Responder }>
}

/** What making or resuming the hierarchy needs. */
export interface HierarchyDeps {
  hsm: Pick<Hsm, 'tokenKey'>
  store: PkiStore
  now: Clock
  addresses: Addresses
  log: PkiLog
}

/**
 * Opens the hierarchy, making what is missing. Every step may be interrupted and taken again: keys are found by
 * label, a certificate is written only where none stands, and the one that stands is used. Two servers that start
 * together therefore end with the same certificates.
 * @throws StartError when database and HSM are of different installations.
 */
export async function openHierarchy(ceremony: Ceremony, deps: HierarchyDeps): Promise<Hierarchy> {
  const { store, now, addresses, log } = deps
  const standing = new Map((await store.authorities()).map((row) => [row.name, row]))
  async function open(
    name: string,
    algorithm: TokenKey['algorithm'],
    make: (key: TokenKey) => Promise<Uint8Array>
  ): Promise<Authority> {
    const stands = standing.get(name)
    const label = name === timestampAuthority ? name : `ca:${name}`
    const key = await openKey(label, algorithm, stands === undefined, deps)
    if (stands !== undefined) return authority(name, stands.certificate, key)
    const certificate = await make(key)
    const written = await store.addAuthority({ name, certificate, ocspCertificate: null, createdAt: now() })
    log.info(`made the certificate of the simulated ${title(name)}`)
    return authority(name, written.certificate, key)
  }

  async function openIssuing(of: IssuingCeremony, root: Authority) {
    const issuer = await open(of.provider, of.algorithm, (key) =>
      makeIssuingCertificate({ ...of, key, now: now() }, root, addresses)
    )
    const key = await openKey(`ocsp:${of.provider}`, of.responder.algorithm, false, deps)
    const certificate = standing.get(of.provider)?.ocspCertificate ?? null
    return {
      authority: issuer,
      responder: responder({ issuer, ceremony: of, key, certificate, store, now, log })
    }
  }

  const root = await open('root', ceremony.root.algorithm, (key) =>
    makeRootCertificate({ ...ceremony.root, key, now: now() })
  )
  const tsa = await open(timestampAuthority, ceremony.timestamp.algorithm, (key) =>
    makeTimestampCertificate({ ...ceremony.timestamp, key, now: now() }, root, addresses)
  )
  const issuing = new Map<string, { authority: Authority; responder: Responder }>()
  for (const of of ceremony.authorities) {
    const opened = await openIssuing(of, root)
    await opened.responder() // made or renewed now, rather than while somebody waits for an answer
    issuing.set(of.provider, opened)
  }
  return { root, tsa, issuing }
}

/** Opens a token key; where it is surely new, says how long that took, since RSA-4096 takes its time. */
async function openKey(
  label: string,
  algorithm: TokenKey['algorithm'],
  isNew: boolean,
  { hsm, log }: HierarchyDeps
): Promise<TokenKey> {
  const startedAtMs = performance.now()
  const key = await hsm.tokenKey(label, algorithm)
  if (key.algorithm !== algorithm) {
    throw new StartError(
      `The key "${label}" in the HSM is ${key.algorithm}, keys/ceremony.json says ${algorithm}.`
    )
  }
  const tookS = (performance.now() - startedAtMs) / 1000
  if (isNew)
    log.info(`made the key of the simulated ${title(label.replace(/^ca:/, ''))} in ${tookS.toFixed(1)} s`)
  return key
}

function title(name: string): string {
  if (name === timestampAuthority) return 'time-stamping authority'
  return name === 'root' ? 'national root CA' : `issuing CA of ${name}`
}
