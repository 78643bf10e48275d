import { Type } from 'typebox'
import { ServiceError } from '../../../errors.js'
import { takeLargeBodies } from '../../../http/large-bodies.js'
import type { Transaction, TransactionOwner } from '../../../transactions/transaction.js'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { fileText } from '../../dialect/document-text.js'
import { prepareFile, readSentFile, type SentFile } from '../../dialect/prepare-file.js'
import { isOverFiles, type KeptFile } from '../../dialect/whole-files.js'
import { callerOf } from './caller.js'
import { signingCredential } from './credential.js'
import { signaturePath, smartCaCscId, tag } from './paths.js'
import { Accepted, accepted, documentName, isSame, readNotifyUrl, signFields } from './sign-request.js'

/** Files in one request (§3.4). */
const filesMax = 10

const Body = Type.Object(
  {
    ...signFields,
    datas: Type.Array(
      Type.Object({
        name: documentName,
        dataBase64: fileText('The whole PDF or XML in base64')
      }),
      { minItems: 1, maxItems: filesMax }
    )
  },
  {
    examples: [
      {
        credentialId: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11',
        refTranId: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e12',
        description: 'Tờ khai',
        datas: [{ name: 'to-khai.pdf', dataBase64: 'JVBERi0xLjcK…' }]
      }
    ]
  }
)

/** `signature/sign` (§3.4): whole files that one confirmation allows; `gettraninfo` has them signed. */
export const sign: DialectRoutes = async (app, { provider, transactions, documents, pki, now, ...deps }) => {
  takeLargeBodies(app, { members: ['dataBase64'] })
  app.post(
    `${signaturePath}/sign`,
    {
      schema: {
        tags: [tag],
        summary: 'Ask for signatures in whole files',
        body: Body,
        response: { 200: Accepted }
      }
    },
    async (request) => {
      const { party, findings, subscriber } = await callerOf(request, deps, provider.id)
      const { credentialId, refTranId, notifyUrl = '', description = '', datas } = request.body
      const files = datas.map(({ name, dataBase64: base64 }, index) =>
        readSentFile(
          { name, base64 },
          {
            fields: { name: `datas[${index}].name`, content: `datas[${index}].dataBase64` },
            digests: 'signhash',
            files: request.files
          }
        )
      )
      const callbackUrl = readNotifyUrl(notifyUrl, party, findings)
      const asked = { subscriberId: subscriber.id, credentialId, files }
      const earlier = await repeated(refTranId, party, asked)
      if (earlier !== null) return accepted(earlier)

      const credential = await signingCredential({ now, ...deps }, subscriber, credentialId)
      const { commonName: signerName } = pki.describe(credential.certificate)
      const kept: KeptFile[] = []
      const digests: Uint8Array[] = []
      for (const file of files) {
        const made = await prepareFile(documents, party, credential, file, { signerName, signedAt: now() })
        kept.push(made.kept)
        digests.push(made.prepared.digest)
      }
      try {
        const { transaction } = await transactions.start({
          provider: provider.id,
          clientId: party.clientId,
          dialect: smartCaCscId,
          name: refTranId,
          requestId: request.id,
          subscriberId: subscriber.id,
          credentialId,
          documents: files.map(({ name }, index) => ({
            id: name,
            name,
            digest: digests[index] ?? new Uint8Array()
          })),
          description,
          callbackUrl,
          details: {
            hashes: digests.map((digest) => Buffer.from(digest).toString('base64')),
            files: kept
          }
        })
        return accepted(transaction)
      } catch (error) {
        // The same request came at the same moment.
        const taken = error instanceof ServiceError && error.code === 'transaction_taken'
        const winner = taken ? await repeated(refTranId, party, asked) : null
        if (winner === null) throw error
        return accepted(winner)
      }
    }
  )

  /**
   * The transaction that the same request opened before.
   * @throws ServiceError `transaction_taken`.
   */
  async function repeated(
    name: string,
    owner: TransactionOwner,
    { files, ...of }: Pick<Transaction, 'subscriberId' | 'credentialId'> & { files: readonly SentFile[] }
  ): Promise<Transaction | null> {
    const earlier = await transactions.findByName(name, owner)
    if (earlier === null) return null
    const same = files.map(({ name: id, sha256 }) => ({ id, sha256 }))
    if (isSame(earlier, of) && isOverFiles(earlier, same)) return earlier
    throw new ServiceError('transaction_taken', `${name} is the name of ${earlier.id}`, {
      field: 'refTranId'
    })
  }
}
