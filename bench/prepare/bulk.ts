import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { AuditEvent } from '../../src/audit/audit.js'
import type { Clock } from '../../src/clock.js'
import type { Device } from '../../src/enrolment/enrolment.js'
import type { CredentialRecord, SubscriberRecord } from '../../src/enrolment/needs.js'
import { credentialFields, deviceFields, subscriberFields } from '../../src/enrolment/sealed-fields.js'
import type { Ground } from '../../src/ground.js'
import type { Middle } from '../../src/middle.js'
import { createSeals, type Seals } from '../../src/store/seals.js'
import { writeRows } from './bulk-rows.js'
import { type CertificateTemplate, certificateTemplate } from './certificate-template.js'
import type { Person, Population } from './protocol.js'

const provider = 'vnpt'
const actor = 'operator:bench'
/** People made at the same time: fewer than the HSM lets wait for installation keys. */
const lanes = 32
/** People whose rows are written by one statement a table. */
const chunk = 500
const multisign = 100
/** PostgreSQL's log while people are written. */
const walMax = '96MB'

/**
 * Writes many subscribers, each with a device and a P-256 credential, as fast as the HSM makes keys: keys are born and
 * wrapped in it, certificates signed by the CA's key in it, every row sealed, every event audited. What is left out is
 * what enrolment checks on the way: activation codes, and that nobody has the login yet.
 * @param wanted Whom the caller must know to have them sign, as numbers from 0, each once.
 * @returns Those people, in the order wanted.
 */
export async function loadPopulation(
  { ground, middle, now }: { ground: Ground; middle: Middle; now: Clock },
  count: number,
  wanted: readonly number[],
  progress: (done: number, of: number) => void
): Promise<Population> {
  const { access, audit, pki } = middle
  const { database, hsm } = ground
  const registered = await access.relyingParties.create({ provider, name: 'Cổng thử tải' }, actor)
  const makers = {
    template: await certificateTemplate(pki, hsm, provider, now()),
    seals: createSeals({ mac: hsm.mac }),
    keys: hsm.keys,
    newSerialNumber: () => pki.newSerialNumber(provider),
    now
  }
  // Kept folders shall be small; an installation of its own keeps up to 1 GiB of log.
  await database.query({ text: `alter system set max_wal_size = '${walMax}'` })
  await database.query({ text: 'select pg_reload_conf()' })
  const places = new Map(wanted.map((number, place) => [number, place]))
  const people = new Array<Person>(wanted.length)

  for (let from = 0; from < count; from += chunk) {
    const made = await inLanes(Math.min(chunk, count - from), (index) => makePerson(makers, from + index))
    await writeRows(database, made)
    await audit.record(...made.flatMap(eventsOf))
    made.forEach((one, index) => {
      const place = places.get(from + index)
      if (place !== undefined) people[place] = personOf(one)
    })
    progress(Math.min(from + chunk, count), count)
  }
  // What autovacuum would do later, while something is measured.
  for (const table of ['subscribers', 'credentials', 'devices', 'audit_events'])
    await database.query({ text: `vacuum (freeze, analyze) ${table}` })
  await database.query({ text: 'checkpoint' })
  await database.query({ text: 'alter system reset max_wal_size' })
  const { clientId } = registered.relyingParty
  return { provider, clientId, clientSecret: registered.clientSecret, people }
}

/** A person with everything that is written down. */
export interface Made {
  subscriber: SubscriberRecord
  device: Device
  credential: CredentialRecord
  seals: { subscriber: Uint8Array; device: Uint8Array; credential: Uint8Array }
  deviceKey: KeyObject
}

async function makePerson(
  makers: {
    template: CertificateTemplate
    seals: Seals
    keys: Ground['hsm']['keys']
    newSerialNumber: () => string
    now: Clock
  },
  index: number
): Promise<Made> {
  const { template, seals, keys, now } = makers
  const at = now()
  const number = String(index).padStart(7, '0')
  const newId = () => uuidv7({ msecs: at.getTime() })
  const subscriber: SubscriberRecord = {
    id: newId(),
    provider,
    login: `bench-${index}`,
    passwordHash: null,
    fullName: template.fullName(number),
    nationalId: template.nationalId(number),
    email: null,
    phone: null,
    secondFactor: 'none',
    title: null,
    organisation: null,
    locality: null,
    province: null,
    demo: false,
    createdAt: at,
    version: 1
  }
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const device: Device = {
    id: newId(),
    provider,
    subscriberId: subscriber.id,
    name: 'Điện thoại thử tải',
    platform: 'bench',
    spki: publicKey.export({ format: 'der', type: 'spki' }),
    webauthn: null,
    virtual: false,
    virtualKey: null,
    createdAt: at,
    removedAt: null,
    removedBy: null,
    version: 1
  }
  const key = await keys.generate(newId(), 'P-256')
  const serialNumber = makers.newSerialNumber()
  const credential: CredentialRecord = {
    id: key.id,
    provider,
    subscriberId: subscriber.id,
    algorithm: 'P-256',
    status: 'active',
    serialNumber,
    certificate: await template.issue({ spki: key.spki, serialNumber, number }),
    key,
    notBefore: template.notBefore,
    notAfter: template.notAfter,
    auth: 'phone',
    scal: '2',
    multisign,
    issuedAt: at,
    publishedAt: at,
    suspendedAt: null,
    revokedAt: null,
    revocationReason: null,
    pinHash: null,
    version: 1
  }
  const [subscriberSeal, deviceSeal, credentialSeal] = await Promise.all([
    seals.seal('subscribers', subscriberFields(subscriber)),
    seals.seal('devices', deviceFields(device)),
    seals.seal('credentials', credentialFields(credential))
  ])
  return {
    subscriber,
    device,
    credential,
    seals: { subscriber: subscriberSeal, device: deviceSeal, credential: credentialSeal },
    deviceKey: privateKey
  }
}

/** What enrolment records of such a person. */
function eventsOf({ subscriber, device, credential }: Made): AuditEvent[] {
  const subscriberId = subscriber.id
  const about = { credentialID: credential.id, subscriberId, provider }
  const { algorithm, serialNumber, notAfter } = credential
  return [
    {
      type: 'subscriber.created',
      actor,
      about: { subscriberId, provider, login: subscriber.login, demo: false, password: false }
    },
    {
      type: 'device.enrolled',
      actor: `device:${device.id}`,
      about: {
        deviceId: device.id,
        subscriberId,
        provider,
        virtual: false,
        further: false,
        activationCodeId: null,
        consentBy: null,
        spki: Buffer.from(device.spki).toString('base64')
      }
    },
    {
      type: 'credential.issued',
      actor,
      about: { ...about, algorithm, serialNumber, notAfter: notAfter.toISOString() }
    },
    { type: 'credential.published', actor, about }
  ]
}

function personOf({ subscriber, device, credential, deviceKey }: Made): Person {
  return {
    subscriberId: subscriber.id,
    login: subscriber.login,
    deviceId: device.id,
    devicePkcs8: deviceKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    credentials: {
      'P-256': { id: credential.id, certificate: Buffer.from(credential.certificate).toString('base64') }
    }
  }
}

/** So many results, in order, a few at a time. */
async function inLanes<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results = new Array<T>(count)
  let next = 0
  async function lane(): Promise<void> {
    for (let index = next++; index < count; index = next++) results[index] = await work(index)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}
