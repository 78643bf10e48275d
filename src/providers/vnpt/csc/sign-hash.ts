import { Type } from 'typebox'
import type { DialectRoutes } from '../../dialect/dialect.js'
import { readDigest } from '../../dialect/digest-text.js'
import { callerOf } from './caller.js'
import { signingCredential } from './credential.js'
import { signaturePath, smartCaCscId, tag } from './paths.js'
import { Accepted, accepted, documentName, isSame, readNotifyUrl, signFields } from './sign-request.js'

/** Digests in one request, at most (§3.4). */
const hashesMax = 50
/** Characters of whatever a digest may be written as; a document sent in its place is told as such up to here. */
const digestTextMax = 256 * 1024

const Body = Type.Object(
  {
    ...signFields,
    datas: Type.Array(
      Type.Object({
        name: documentName,
        hash: Type.String({ maxLength: digestTextMax, description: 'SHA-256 in base64' })
      }),
      { minItems: 1, maxItems: hashesMax }
    )
  },
  {
    examples: [
      {
        credentialId: '019ab0c4-5d1e-7c3a-8f00-6b1f4f0c2d11',
        refTranId: '6f8a3c52-8f0b-4a39-9d5c-2f3f6b1c7e11',
        description: 'Uỷ nhiệm chi 0042',
        datas: [{ name: 'UNC-0042.pdf', hash: 'sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=' }]
      }
    ]
  }
)

/** `signature/signhash` (§3.4): digests that one confirmation allows. */
export const signHash: DialectRoutes = async (app, { provider, transactions, ...deps }) => {
  app.post(
    `${signaturePath}/signhash`,
    {
      schema: {
        tags: [tag],
        summary: 'Ask for signatures over digests',
        body: Body,
        response: { 200: Accepted }
      }
    },
    async (request) => {
      const { party, findings, subscriber } = await callerOf(request, deps, provider.id)
      const { credentialId, refTranId, notifyUrl = '', description = '', datas } = request.body
      const documents = datas.map(({ name, hash }, index) => ({
        id: name,
        name,
        digest: readDigest(hash, { form: 'base64', field: `datas[${index}].hash`, findings })
      }))
      const callbackUrl = readNotifyUrl(notifyUrl, party, findings)
      const earlier = await transactions.findByName(refTranId, party)
      if (!isSame(earlier, { subscriberId: subscriber.id, credentialId }))
        await signingCredential(deps, subscriber, credentialId)
      const { transaction } = await transactions.start({
        provider: provider.id,
        clientId: party.clientId,
        dialect: smartCaCscId,
        name: refTranId,
        requestId: request.id,
        subscriberId: subscriber.id,
        credentialId,
        documents,
        description,
        callbackUrl,
        details: { hashes: documents.map(({ digest }) => Buffer.from(digest).toString('base64')) }
      })
      return accepted(transaction)
    }
  )
}
