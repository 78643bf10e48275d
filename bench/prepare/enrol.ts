import { generateKeyPairSync } from 'node:crypto'
import type { Middle } from '../../src/middle.js'
import type { MeasuredAlgorithm, Person, Population } from './protocol.js'

const provider = 'vnpt'
const actor = 'operator:bench'
/** People enrolled at the same time. The HSM makes two key pairs at a time. */
const lanes = 8
const algorithms: readonly MeasuredAlgorithm[] = ['P-256', 'RSA-2048']
/** Days a certificate is valid: the longest, since the folder is kept. */
const validDays = 1826

/** Registers a relying party and enrols people, each with a device and one credential of every measured type. */
export async function enrolPopulation(
  { access, enrolment }: Pick<Middle, 'access' | 'enrolment'>,
  count: number,
  progress: (done: number, of: number) => void
): Promise<Population> {
  const registered = await access.relyingParties.create({ provider, name: 'Cổng thử tải' }, actor)
  const people = new Array<Person>(count)
  let next = 0
  let done = 0
  async function work(): Promise<void> {
    for (let index = next++; index < count; index = next++) {
      people[index] = await enrolPerson(enrolment, index)
      done += 1
      if (done % 10 === 0) progress(done, count)
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, work))
  const { clientId } = registered.relyingParty
  return { provider, clientId, clientSecret: registered.clientSecret, people }
}

async function enrolPerson(enrolment: Middle['enrolment'], index: number): Promise<Person> {
  const login = `bench-${index}`
  const nationalId = `001${String(index).padStart(9, '0')}`
  const subscriber = await enrolment.createSubscriber(
    { provider, login, fullName: `Nguyễn Thị Thử ${index}`, nationalId },
    actor
  )
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { code } = await enrolment.createActivationCode(subscriber.id, { operatorId: 'bench' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const { device } = await enrolment.enrolDevice({
    provider,
    activationCode: code,
    name: 'Điện thoại thử tải',
    platform: 'bench',
    publicKey: { kty, crv, x, y }
  })
  const [p256, rsa] = await Promise.all(
    algorithms.map(async (algorithm) => {
      const { id, certificate } = await enrolment.issueCredential(
        subscriber.id,
        { algorithm, publish: true, validDays },
        actor
      )
      return { id, certificate: Buffer.from(certificate).toString('base64') }
    })
  )
  if (p256 === undefined || rsa === undefined) throw new TypeError('a credential for each type')
  return {
    subscriberId: subscriber.id,
    login,
    deviceId: device.id,
    devicePkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    credentials: { 'P-256': p256, 'RSA-2048': rsa }
  }
}
