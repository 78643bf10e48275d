/**
 * `npm run demo`: the main job from enrolment to a verified signature, on a server of its own. Four parties play, each
 * with what it would have: the operator a key, the subscriber a device, the portal a client secret, and a judge who
 * knows nothing of this project: openssl.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Device, enrol } from '../device/device.js'
import { CscClient, sha256WithRsaOid } from '../signing/csc-client.js'
import { prepareDetachedCms } from '../signing/detached-cms.js'
import { OperatorClient } from './operator.js'
import { step } from './steps.js'
import { startThrowawayServer, type ThrowawayServer } from './throwaway-server.js'

const root = fileURLToPath(new URL('../../../', import.meta.url)) // from build/examples/demo/
const documentName = 'tokhaidangkysudungdvc.pdf'
const output = join(root, 'demo-output')
const provider = 'vnpt'
const login = '001088035895'

const server = await step('a server of its own starts, empty', startThrowawayServer, ({ url }) => url)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.stop().finally(() => process.exit(1)))
}
let verdict = ''
try {
  verdict = await play(server)
} finally {
  await step('the server stops, its data folder is removed', () => server.stop())
}
console.log(`\nThe files are in ${output}\n${verdict}`)

/** @returns The judge's commands, and what openssl said. */
async function play(server: ThrowawayServer): Promise<string> {
  const { url } = server
  await rm(output, { recursive: true, force: true })
  await mkdir(output)

  const operator = await step('the first operator key is made', async () => {
    const key = await server.command('operator-create', ['--role', 'administrator', '--name', 'demo'])
    return new OperatorClient(url, key)
  })
  const portal = await step(
    'operator: the portal is registered',
    () =>
      operator.post<{ clientId: string; clientSecret: string }>('/relying-parties', {
        provider,
        name: 'Cổng dịch vụ công trực tuyến KBNN (demo)'
      }),
    ({ clientId }) => clientId
  )
  const subscriber = await step(
    'operator: the subscriber is enrolled',
    () =>
      operator.post<{ id: string; fullName: string }>('/subscribers', {
        provider,
        login,
        password: 'demo password',
        fullName: 'Trần Thị Bình',
        nationalId: '001088035895',
        title: 'Chủ tài khoản',
        organisation: { name: 'Trường THCS Sông Lô', budgetUnitCode: '1001163' }
      }),
    ({ fullName }) => fullName
  )
  const { credentialID } = await step(
    'operator: key and certificate are issued',
    () =>
      operator.post<{ credentialID: string; subject: string }>(`/subscribers/${subscriber.id}/credentials`, {
        algorithm: 'RSA-2048'
      }),
    ({ subject }) => subject
  )
  await step(
    'operator: the certificate is published',
    () => operator.post<{ status: string }>(`/credentials/${credentialID}/publish`),
    ({ status }) => status
  )
  const { code } = await step('operator: an activation code for the phone', () =>
    operator.post<{ code: string }>(`/subscribers/${subscriber.id}/activation-codes`)
  )
  const device = await step(
    'subscriber: the phone makes its key and enrols',
    () => enrol({ server: url, provider, activationCode: code, name: 'Điện thoại của Bình' }),
    ({ state }) => state.deviceId
  )

  const csc = await step('portal: an access token', () =>
    CscClient.connect({
      baseUrl: `${url}/${provider}/csc/v2`,
      clientId: portal.clientId,
      clientSecret: portal.clientSecret
    })
  )
  const [listed = ''] = await step(
    `portal: the credentials of ${login}`,
    () => csc.credentials(login),
    (ids) => ids.join(', ')
  )
  const info = await step(
    'portal: certificate and chain',
    () => csc.credential(listed),
    ({ cert }) => `serial ${cert.serialNumber}`
  )
  const [certificate = Buffer.alloc(0), issuer = Buffer.alloc(0)] = info.cert.certificates.map((der) =>
    Buffer.from(der, 'base64')
  )

  const document = await readFile(join(root, 'examples/documents', documentName))
  const cms = await step(
    `portal: signed attributes over ${documentName}`,
    () => prepareDetachedCms({ document, certificate, signingTime: new Date() }),
    ({ digest }) => `SHA-256 ${Buffer.from(digest).toString('hex').slice(0, 16)}…`
  )
  const { handle } = await step('portal: asks for the signature', () =>
    csc.authorize({
      credentialID: listed,
      digests: [cms.digest],
      description: 'Tờ khai đăng ký sử dụng dịch vụ công trực tuyến',
      factorId: info.auth.objects[0]?.id ?? ''
    })
  )
  await confirm(device)
  const sad = await step('portal: the approval has arrived', () => csc.waitForApproval(handle))
  const [signature = Buffer.alloc(0)] = await step(
    'portal: the HSM signs the digest',
    () => csc.signHash({ credentialID: listed, sad, digests: [cms.digest], signAlgo: sha256WithRsaOid }),
    ([made]) => `${made?.length} octets`
  )
  await step('portal: signature and certificates become a detached CMS', () =>
    writeFile(join(output, `${documentName}.p7s`), cms.complete(signature, [issuer]))
  )
  await copyFile(join(root, 'examples/documents', documentName), join(output, documentName))

  await step('judge: root certificate and revocation lists', () => fetchTrust(url))
  const verify =
    `cms -verify -binary -inform DER -in ${documentName}.p7s -content ${documentName} ` +
    `-CAfile root.pem -crl_check_all -purpose any -out verified.pdf`
  const verified = await step('judge: openssl verifies signature, chain and revocation', () =>
    openssl(verify)
  )
  const bound = await step('judge: the signature names the certificate it was made with', () =>
    openssl(`${verify} -cades`)
  )
  const signed = await readFile(join(output, 'verified.pdf'))
  if (!signed.equals(document)) throw new Error('what openssl verified is not the document')
  return (
    `\n$ openssl ${verify} -cades\n${bound.stderr.trim()}\n` +
    `\n$ openssl ${verify}\n${verified.stderr.trim()}`
  )
}

/** The phone sees what it is asked to approve; its owner looks into the camera. */
async function confirm(device: Device): Promise<void> {
  const [challenge] = await step(
    'subscriber: the phone shows the challenge',
    () => device.challenges(),
    ([shown]) => `"${shown?.description}" for ${shown?.relyingParty}`
  )
  if (challenge === undefined) throw new Error('no challenge arrived')
  await step('subscriber: confirms with face', () => device.confirm(challenge, 'face'))
}

/** Root certificate, and the CRLs of root and issuing CA, in the one file that openssl reads trust from. */
async function fetchTrust(url: string): Promise<void> {
  const get = async (path: string) => Buffer.from(await (await fetch(`${url}/pki/${path}`)).arrayBuffer())
  const parts = [(await get('root.pem')).toString()]
  for (const name of ['root', provider]) {
    await writeFile(join(output, `${name}.crl`), await get(`${name}.crl`))
    parts.push((await openssl(`crl -inform DER -in ${name}.crl`)).stdout)
  }
  await writeFile(join(output, 'root.pem'), parts.join('\n'))
}

function openssl(command: string): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)('openssl', command.split(' '), { cwd: output })
}
