import { rAndS } from '../../../src/simulation/device-jws.js'
import { type Fault, jsonOf, type Returning } from './planting-proxy.js'

/** A fault, and the case that has to notice it. */
export interface Planted {
  what: string
  version: 'v1' | 'v2'
  /** Text of a rule. */
  caughtBy: string
  /** A new one for every run. */
  fault: () => Fault
}

/** Changes the members of a JSON answer of one method. */
const rewrite =
  (method: string, change: (members: Record<string, unknown>) => void): (() => Fault) =>
  () =>
  ({ path }, answer) => {
    if (!path.endsWith(method) || answer.status !== 200) return
    const members = jsonOf(answer.text)
    change(members)
    answer.text = JSON.stringify(members)
  }

const say = (answer: Returning, status: number, body: object): void => {
  answer.status = status
  answer.text = JSON.stringify(body)
}

const inCert = (change: (cert: Record<string, unknown>) => void) =>
  rewrite('/credentials/info', ({ cert }) => change(cert as Record<string, unknown>))
const inSignatures = (change: (signatures: Buffer[], all: Record<string, unknown>) => (Buffer | string)[]) =>
  rewrite('/signatures/signHash', (members) => {
    const signatures = (members.signatures as string[]).map((text) => Buffer.from(text, 'base64'))
    members.signatures = change(signatures, members).map((one) =>
      typeof one === 'string' ? one : one.toString('base64')
    )
  })

/** What was answered to the same text before is answered again. */
const remembers =
  (method: string): (() => Fault) =>
  () => {
    const answered = new Map<string, string>()
    return ({ path, text }, answer) => {
      if (!path.endsWith(method)) return
      const before = answered.get(text)
      if (answer.status === 200) answered.set(text, answer.text)
      else if (before !== undefined) say(answer, 200, jsonOf(before))
    }
  }

/** Mistakes that servers make. */
export const faults: readonly Planted[] = [
  {
    what: 'a SAD is not spent',
    version: 'v2',
    caughtBy: 'a spent SAD signs no more',
    fault: remembers('/signatures/signHash')
  },
  {
    what: 'a SAD is not spent',
    version: 'v1',
    caughtBy: 'a spent SAD signs no more',
    fault: remembers('/signatures/signHash')
  },
  {
    what: 'of calls at the same moment all are answered',
    version: 'v2',
    caughtBy: 'a SAD signs once, also when it comes four times at the same moment',
    fault:
      () =>
      ({ path }, answer) => {
        if (path.endsWith('/signHash') && answer.status === 400) say(answer, 200, { signatures: ['AAAA'] })
      }
  },
  {
    what: 'hashes are not compared',
    version: 'v2',
    caughtBy: 'a hash that was not authorized is refused',
    fault: () => (_, answer) => {
      if (/Hash is not authorized/.test(answer.text)) say(answer, 200, { signatures: ['AAAA'] })
    }
  },
  {
    what: 'hashes are not compared',
    version: 'v1',
    caughtBy: 'a hash beside an authorized one is refused, and nothing is signed',
    fault: () => (_, answer) => {
      if (/Hash is not authorized/.test(answer.text)) say(answer, 200, { signatures: ['AAAA', 'AAAA'] })
    }
  },
  {
    what: 'a malformed header is 401',
    version: 'v2',
    caughtBy: 'credentials/list: a malformed Authorization header (another scheme) is 400',
    fault: () => (_, answer) => {
      if (/Malformed authorization header/.test(answer.text)) answer.status = 401
    }
  },
  {
    what: 'certificates are PEM',
    version: 'v2',
    caughtBy: 'certificates are standard base64 of DER',
    fault: inCert((cert) => {
      cert.certificates = (cert.certificates as string[]).map(
        (text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`
      )
    })
  },
  {
    what: 'base64 has line breaks',
    version: 'v1',
    caughtBy: 'certificates are standard base64 of DER',
    fault: inCert((cert) => {
      cert.certificates = (cert.certificates as string[]).map((text) => text.replaceAll(/.{64}/g, '$&\n'))
    })
  },
  {
    what: 'the chain begins with its root',
    version: 'v2',
    caughtBy: 'the end entity comes first, and each certificate is signed by the next',
    fault: inCert((cert) => {
      cert.certificates = (cert.certificates as string[]).toReversed()
    })
  },
  {
    what: 'other bytes are signed',
    version: 'v2',
    caughtBy: 'an approved hash is signed, and the signature verifies with the certificate’s key',
    fault: () => {
      let before: unknown
      return ({ path }, answer) => {
        if (!path.endsWith('/signHash') || answer.status !== 200) return
        const { signatures } = jsonOf(answer.text)
        const [first] = signatures as string[]
        const octets = Buffer.from(first ?? '', 'base64')
        octets[40] = (octets[40] ?? 0) ^ 1
        say(answer, 200, { signatures: before ?? [octets.toString('base64')] })
        before = signatures
      }
    }
  },
  {
    what: 'signatures come in another order',
    version: 'v1',
    caughtBy: 'several hashes are signed in one call, in their order',
    fault: inSignatures((signatures) => signatures.toReversed())
  },
  {
    what: 'a signature of a batch is missing',
    version: 'v2',
    caughtBy: 'several hashes are signed in one call, in their order',
    fault: inSignatures((signatures) => signatures.slice(1))
  },
  {
    what: 'ECDSA signatures are r and s',
    version: 'v2',
    caughtBy: 'signAlgo 1.2.840.10045.4.3.2 signs sha256 digests, as DER ECDSA-Sig-Value',
    fault: inSignatures((signatures) =>
      signatures.map((signature) => (signature[0] === 0x30 ? Buffer.from(rAndS(signature)) : signature))
    )
  },
  {
    what: 'info lacks a member',
    version: 'v2',
    caughtBy: 'info has region, a string',
    fault: rewrite('/info', (members) => delete members.region)
  },
  {
    what: 'info lacks a member',
    version: 'v1',
    caughtBy: 'info has methods, an array of strings',
    fault: rewrite('/v1/info', (members) => delete members.methods)
  },
  {
    what: 'info announces what there is not',
    version: 'v2',
    caughtBy: 'every method of info.methods is implemented',
    fault: rewrite('/v2/info', (members) => {
      members.methods = [...(members.methods as string[]), 'signatures/signDoc']
    })
  },
  {
    what: 'a text is worded otherwise',
    version: 'v1',
    caughtBy: 'credentials/info: credentialID is missing',
    fault: () => (_, answer) => {
      answer.text = answer.text.replace('parameter credentialID', 'parameter credentialID.')
    }
  },
  {
    what: 'another text is said',
    version: 'v1',
    caughtBy: 'another value of certificates is refused',
    fault: () => (_, answer) => {
      answer.text = answer.text.replace('Invalid parameter certificates', 'Bad parameter certificates')
    }
  },
  {
    what: 'a wrong type is an inner error',
    version: 'v2',
    caughtBy: 'credentials/info: certInfo is a string',
    fault: () => (_, answer) => {
      if (/Invalid parameter certInfo/.test(answer.text)) answer.status = 500
    }
  },
  {
    what: 'errors are pages',
    version: 'v1',
    caughtBy: 'credentials/info: certificates is a number',
    fault: () => (_, answer) => {
      if (answer.status >= 400) answer.headers.set('content-type', 'text/html')
    }
  },
  {
    what: 'more signatures than multisign are authorized',
    version: 'v2',
    caughtBy: 'numSignatures above multisign is refused',
    fault: () => (_, answer) => {
      if (/signatures is too high/.test(answer.text)) say(answer, 202, { handle: 'h' })
    }
  },
  {
    what: 'SCAL is a number',
    version: 'v2',
    caughtBy: 'SCAL is the string 1 or 2, if it is there',
    fault: rewrite('/credentials/info', (members) => {
      members.SCAL = Number(members.SCAL)
    })
  },
  {
    what: 'serial numbers are decimal',
    version: 'v2',
    caughtBy: 'serialNumber is the certificate’s, in upper-case hex',
    fault: inCert((cert) => {
      cert.serialNumber = BigInt(`0x${String(cert.serialNumber)}`).toString()
    })
  },
  {
    what: 'dates are of ISO 8601',
    version: 'v1',
    caughtBy: 'validTo is the certificate’s, as YYYYMMDDHHMMSSZ',
    fault: inCert((cert) => {
      cert.validTo = String(cert.validTo).replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
    })
  },
  {
    what: 'a bad maxResults is an error',
    version: 'v1',
    caughtBy: 'maxResults -1 is no error: the server’s own maximum',
    fault:
      () =>
      ({ body }, answer) => {
        if (body.maxResults === -1) say(answer, 400, { error: 'invalid_request' })
      }
  },
  {
    what: 'state comes back changed',
    version: 'v1',
    caughtBy: 'state is returned unchanged',
    fault: () => (_, answer) => {
      const location = answer.headers.get('location')
      if (location !== null) answer.headers.set('location', location.replace('state=csc', 'state=CSC'))
    }
  },
  {
    what: 'a code is good twice',
    version: 'v2',
    caughtBy: 'a code is good once',
    fault: remembers('/oauth2/token')
  },
  {
    what: 'a credential token of version 1 is called Bearer',
    version: 'v1',
    caughtBy: 'token_type of scope credential is SAD',
    fault: rewrite('/oauth2/token', (members) => {
      members.token_type = 'Bearer'
    })
  },
  {
    what: 'revocation answers 200',
    version: 'v2',
    caughtBy: 'a token is revoked: 204 without a body',
    fault:
      () =>
      ({ path }, answer) => {
        if (path.endsWith('/oauth2/revoke') && answer.status === 204) say(answer, 200, {})
      }
  },
  {
    what: 'a user’s token takes userID',
    version: 'v1',
    caughtBy: 'a token that speaks for the user refuses userID',
    fault: () => (_, answer) => {
      if (/userID parameter MUST be null/.test(answer.text)) say(answer, 200, { credentialIDs: [] })
    }
  },
  {
    what: 'a failed login is 401',
    version: 'v1',
    caughtBy: 'a login nobody has is 400 authentication_error',
    fault: () => (_, answer) => {
      if (/authentication_error/.test(answer.text)) answer.status = 401
    }
  },
  {
    what: 'a time-stamp is the whole response',
    version: 'v1',
    caughtBy: 'a time-stamp token over the hash is given, not a whole response',
    fault: rewrite('/signatures/timestamp', (members) => {
      const token = Buffer.from(String(members.timestamp), 'base64')
      const status = Buffer.from('3003020100', 'hex')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(status.length + token.length)
      members.timestamp = Buffer.concat([Buffer.from([0x30, 0x82]), length, status, token]).toString('base64')
    })
  }
]
