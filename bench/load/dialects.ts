import { randomUUID } from 'node:crypto'
import type { Person, Population } from '../prepare/protocol.js'
import { readAnswer, UnexpectedAnswer } from './approval.js'
import type { Connection } from './connection.js'

/** A provider's own API as a portal speaks it, as far as a job needs it. */
export interface DialectScript {
  provider: string
  /** What its people log in with, where it asks for that. */
  password?: string
  /** @returns Calls on behalf of one person; logs in where the dialect has a login. */
  open(of: DialectPerson): Promise<DialectCalls>
}

export interface DialectPerson {
  url: string
  population: Pick<Population, 'clientId' | 'clientSecret'>
  person: Person
}

/** @throws UnexpectedAnswer */
export interface DialectCalls {
  /** @returns What `result` is asked with, and the id of the challenge; null: the answer does not say it. */
  ask(digest: Buffer, portal: Connection): Promise<{ name: string; challengeId: string | null }>
  /** Signatures in base64; null while there are none. */
  result(name: string, portal: Connection): Promise<string[] | null>
}

const form = { 'content-type': 'application/json' }

function request(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: object
): Buffer {
  const { host, pathname } = new URL(url)
  const text = body === undefined ? '' : JSON.stringify(body)
  const lines = Object.entries({
    host,
    connection: 'keep-alive',
    ...headers,
    'content-length': String(Buffer.byteLength(text))
  })
  return Buffer.from(
    `${method} ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n${text}`
  )
}

async function login<Body>(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: object
): Promise<Body> {
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  return readAnswer<Body>({ status: answer.status, retryAfterS: null, body: text }, 200)
}

/** VNPT and CA2 speak alike: name and secret in every body, a state in the answer. */
const annex = (
  provider: string,
  paths: { sign: string; status: (name: string) => string },
  encoding: 'hex' | 'base64'
): DialectScript => ({
  provider,
  async open({ url, population, person }) {
    const sp = { sp_id: population.clientId, sp_password: population.clientSecret, user_id: person.login }
    return {
      async ask(digest, portal) {
        const transaction_id = randomUUID()
        const file = {
          data_to_be_signed: digest.toString(encoding),
          doc_id: 'D1',
          file_type: 'pdf',
          sign_type: 'hash'
        }
        const body = { ...sp, transaction_id, transaction_desc: 'Hồ sơ thử tải', sign_files: [file] }
        readAnswer(await portal.send(request('POST', `${url}/${provider}${paths.sign}`, form, body)), 200)
        return { name: transaction_id, challengeId: null }
      },
      async result(name, portal) {
        const path = `${url}/${provider}${paths.status(name)}`
        const answer = await portal.send(request('POST', path, form, { ...sp, transaction_id: name }))
        const { data } = readAnswer<{ data: { signatures: { signature_value: string }[] | null } | null }>(
          answer,
          200
        )
        const values = (data?.signatures ?? []).map(({ signature_value }) => signature_value)
        return values.length > 0 && values.every((value) => value !== '') ? values : null
      }
    }
  }
})

const viettel: DialectScript = {
  provider: 'viettel',
  async open({ url, population, person }) {
    const base = `${url}/viettel/vtss/service`
    const client = { client_id: population.clientId, client_secret: population.clientSecret }
    const user = { ...client, user_id: person.login, profile_id: 'adss:ras:profile:001' }
    const { access_token } = await login<{ access_token: string }>(`${base}/ras/v1/login`, form, user)
    const headers = { ...form, authorization: `Bearer ${access_token}` }
    const [item] = await login<{ credential_id: string }[]>(`${base}/certificates/info`, headers, {
      ...user,
      certificates: 'single',
      certInfo: true,
      authInfo: true
    })
    return {
      async ask(digest, portal) {
        const body = {
          ...client,
          credentialID: item?.credential_id,
          numSignatures: 1,
          description: Buffer.from('Hồ sơ thử tải').toString('base64'),
          documents: [{ document_id: 'D1', document_name: Buffer.from('Hồ sơ').toString('base64') }],
          hash: [digest.toString('base64')],
          hashAlgo: '2.16.840.1.101.3.4.2.1',
          signAlgo: '1.2.840.113549.1.1.1',
          async: 1
        }
        const answer = await portal.send(request('POST', `${base}/signHash`, headers, body))
        const { transactionId } = readAnswer<{ transactionId: string }>(answer, 200)
        return { name: transactionId, challengeId: transactionId }
      },
      async result(transactionId, portal) {
        const answer = await portal.send(
          request('POST', `${base}/requests/status`, headers, { transactionId })
        )
        const { status, signatures } = readAnswer<{ status: string; signatures: string[] | null }>(
          answer,
          200
        )
        if (!['1', '4000', '6000'].includes(status)) throw new UnexpectedAnswer({ ...answer, status: 500 })
        return signatures === null ? null : signatures.map((text) => text.replaceAll(/\s/g, ''))
      }
    }
  }
}

/** DER of a SHA-256 DigestInfo up to its digest (RFC 8017 §9.2). */
const digestInfoPrefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
const misaPassword = 'thu-tai-2026'

const misa: DialectScript = {
  provider: 'misa',
  password: misaPassword,
  async open({ url, population, person }) {
    const client = { ...form, 'x-clientid': population.clientId, 'x-clientkey': population.clientSecret }
    const auth = `${url}/misa/webdev/api/auth/api/v1/auth/login-api`
    const { data } = await login<{ data: { remoteSigningAccessToken: string } }>(auth, client, {
      userName: person.login,
      password: misaPassword
    })
    const headers = { ...client, authorizationrm: `Bearer ${data.remoteSigningAccessToken}` }
    const base = `${url}/misa/external/esrm/service`
    const listed = await fetch(`${base}/general/api/v1/Certificates/by-userId`, { headers })
    const [item] = (await listed.json()) as { userId: string; keyAlias: string }[]
    return {
      async ask(digest, portal) {
        const body = {
          DataToBeDisplayed: 'Hồ sơ thử tải',
          UserId: item?.userId,
          CertAlias: item?.keyAlias,
          Documents: [
            {
              DocumentId: 'D1',
              FileToSign: Buffer.concat([digestInfoPrefix, digest]).toString('base64'),
              DocumentName: 'Hồ sơ'
            }
          ]
        }
        const answer = await portal.send(
          request('POST', `${base}/signing/api/v1/Signing/hash`, headers, body)
        )
        const { transactionId } = readAnswer<{ transactionId: string }>(answer, 200)
        return { name: transactionId, challengeId: transactionId }
      },
      async result(transactionId, portal) {
        const path = `${base}/signing/api/v1/Signing/status/${transactionId}`
        const answer = await portal.send(request('GET', path, headers))
        const { status, signatures } = readAnswer<{
          status: string
          signatures: { signature: string }[] | null
        }>(answer, 200)
        if (status === 'FAILED') throw new UnexpectedAnswer({ ...answer, status: 500 })
        return signatures === null ? null : signatures.map(({ signature }) => signature)
      }
    }
  }
}

/** Those whose whole job is measured. */
export const dialectScripts: readonly DialectScript[] = [
  annex(
    'vnpt',
    {
      sign: '/sca/sp769/v1/signatures/sign',
      status: (name) => `/sca/sp769/v1/signatures/sign/${name}/status`
    },
    'hex'
  ),
  viettel,
  misa,
  annex('nacencomm', { sign: '/api/data/sign', status: () => '/api/data/status' }, 'base64')
]
