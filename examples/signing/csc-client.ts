/**
 * The portal's side of the CSC API v2, in plain `fetch`: token, list, info, authorize, authorizeCheck, signHash.
 * Copy it; it knows nothing of the server but what the standard says.
 */
import { setTimeout as wait } from 'node:timers/promises'

/** SHA-256, and the two signature algorithms used with it. */
export const sha256Oid = '2.16.840.1.101.3.4.2.1'
export const sha256WithRsaOid = '1.2.840.113549.1.1.11'
export const ecdsaWithSha256Oid = '1.2.840.10045.4.3.2'

/** How long to wait between two questions whether the subscriber has answered. */
const pollIntervalMs = 1_000

/** The parts of `credentials/info` that a signer needs. */
export interface CredentialInfo {
  key: { status: 'enabled' | 'disabled'; algo: string[]; len: number; curve?: string }
  /** `certificates`: DER in base64, the subscriber's first, then the chain. */
  cert: { status?: string; certificates: string[]; subjectDN: string; serialNumber: string }
  /** What `authData` of `credentials/authorize` has to name. */
  auth: { mode: string; objects: { type: string; id: string }[] }
  SCAL: '1' | '2'
  multisign: number
}

/** An answer other than the one asked for: `error` and `error_description` of the standard. */
export class CscError extends Error {
  override readonly name = 'CscError'
  constructor(
    readonly status: number,
    readonly error: string,
    readonly description: string
  ) {
    super(`the service answered ${status} ${error}: ${description}`)
  }
}

/** A relying party at one provider, with its access token. */
export class CscClient {
  private constructor(
    readonly baseUrl: string,
    private readonly accessToken: string
  ) {}

  /**
   * Gets a service access token by client credentials.
   * @param options.baseUrl Such as `http://127.0.0.1:8080/vnpt/csc/v2`.
   */
  static async connect(options: {
    baseUrl: string
    clientId: string
    clientSecret: string
  }): Promise<CscClient> {
    const { baseUrl, clientId, clientSecret } = options
    const answer = await fetch(`${baseUrl}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: 'service'
      })
    })
    const { body } = await read<{ access_token: string }>(answer)
    return new CscClient(baseUrl, body.access_token)
  }

  /** The ids of a subscriber's credentials that can sign now. `login` is what the person typed at the portal. */
  async credentials(login: string): Promise<string[]> {
    const { body } = await this.call<{ credentialIDs: string[] }>('credentials/list', {
      userID: login,
      onlyValid: true
    })
    return body.credentialIDs
  }

  /** Key, certificate chain and way of authorization. */
  async credential(credentialID: string): Promise<CredentialInfo> {
    const wanted = { credentialID, certificates: 'chain', certInfo: true, authInfo: true }
    return (await this.call<CredentialInfo>('credentials/info', wanted)).body
  }

  /**
   * Asks the subscriber to approve these digests. The answer is a handle: the person has yet to confirm on the phone.
   * @param ask.description Shown on the phone.
   */
  async authorize(ask: {
    credentialID: string
    /** Of SHA-256, 32 octets each. */
    digests: readonly Uint8Array[]
    description: string
    /** `auth.objects[].id` of the credential. */
    factorId: string
  }): Promise<{ handle: string }> {
    const { body } = await this.call<{ handle: string }>('credentials/authorize', {
      credentialID: ask.credentialID,
      numSignatures: ask.digests.length,
      hashes: ask.digests.map(base64),
      hashAlgorithmOID: sha256Oid,
      authData: [{ id: ask.factorId }],
      description: ask.description
    })
    return body
  }

  /**
   * Waits until the subscriber has confirmed, and answers the SAD that allows the signatures.
   * @throws CscError `access_denied` when the person rejected, or the service's own time ran out.
   */
  async waitForApproval(handle: string, timeoutMs = 600_000): Promise<string> {
    const giveUpAt = Date.now() + timeoutMs
    while (Date.now() < giveUpAt) {
      const { status, body } = await this.call<{ handle: string } | { SAD: string }>(
        'credentials/authorizeCheck',
        { handle }
      )
      if (status === 200 && 'SAD' in body) return body.SAD
      if ('handle' in body) handle = body.handle // the service may hand out another one: the latest counts
      await wait(pollIntervalMs)
    }
    throw new Error(`the subscriber did not answer within ${timeoutMs} ms`)
  }

  /** Redeems the approval. One signature a digest, in the order given: RSA as it is, ECDSA as DER. */
  async signHash(what: {
    credentialID: string
    sad: string
    digests: readonly Uint8Array[]
    /** `sha256WithRsaOid` or `ecdsaWithSha256Oid`, whichever fits the key. */
    signAlgo: string
  }): Promise<Uint8Array[]> {
    const { body } = await this.call<{ signatures: string[] }>('signatures/signHash', {
      credentialID: what.credentialID,
      SAD: what.sad,
      hashes: what.digests.map(base64),
      hashAlgorithmOID: sha256Oid,
      signAlgo: what.signAlgo
    })
    return body.signatures.map((signature) => Buffer.from(signature, 'base64'))
  }

  private async call<Body>(method: string, parameters: object): Promise<{ status: number; body: Body }> {
    const answer = await fetch(`${this.baseUrl}/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(parameters)
    })
    return read<Body>(answer)
  }
}

/** Every answer that is not a success carries `error` and `error_description`. */
async function read<Body>(answer: Response): Promise<{ status: number; body: Body }> {
  const body = (await answer.json()) as Body & { error?: string; error_description?: string }
  if (!answer.ok) throw new CscError(answer.status, body.error ?? '', body.error_description ?? '')
  return { status: answer.status, body }
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
