import { readFile } from 'node:fs/promises'
import t from 'tap'
import { startWorld } from '../world.js'

/**
 * Every call of the providers' APIs that is publicly known, as clients and documents name it; parameters stand in
 * braces. `unserved`: a call that is known, and that nothing answers.
 */
const known: Record<string, readonly (readonly [method: string, path: string] | { unserved: string })[]> = {
  vnpt: [
    ['POST', '/sca/sp769/v1/credentials/get_certificate'],
    ['POST', '/sca/sp769/v2/credentials/get_certificate'],
    ['POST', '/sca/sp769/v1/signatures/sign'],
    ['POST', '/sca/sp769/v1/signatures/sign/{tranId}/status'],
    ['POST', '/sca/sp769/v2/signatures/sign'],
    ['POST', '/sca/sp769/v2/signatures/confirm'],
    ['POST', '/rest/v2/signature/calculateHash'],
    ['POST', '/rest/v2/signature/signExternal'],
    ['GET', '/auth/authorize'],
    ['POST', '/auth/token'],
    ['POST', '/identityapi/userinfo/info'],
    ['POST', '/csc/credentials/list'],
    ['POST', '/csc/credentials/info'],
    ['POST', '/csc/signature/signhash'],
    ['POST', '/csc/signature/sign'],
    ['POST', '/csc/credentials/gettraninfo'],
    { unserved: '/esca/csc' }
  ],
  viettel: [
    ['POST', '/vtss/service/ras/v1/login'],
    ['POST', '/vtss/service/ras/v1/authenticate'],
    ['POST', '/adss/service/ras/v1/login'],
    ['POST', '/vtss/service/certificates/info'],
    ['POST', '/vtss/service/signHash'],
    ['POST', '/vtss/service/requests/status'],
    ['POST', '/vtss/service/external/upload'],
    ['POST', '/vtss/service/external/signing'],
    ['POST', '/vtss/service/external/file/status'],
    ['GET', '/vtss/service/external/download/{file_id}'],
    ...['/vtss/service/ras/csc/v1', '/adss/service/ras/csc/v1'].flatMap((root) =>
      [
        'credentials/list',
        'credentials/info',
        'credentials/authorize',
        'signatures/signHash',
        'credentials/registerExtension',
        'credentials/extendTransaction'
      ].map((call) => ['POST', `${root}/${call}`] as const)
    )
  ],
  misa: [
    ...['', '/webdev'].flatMap((root) =>
      ['login-api', 'two-factor-auth'].map(
        (call) => ['POST', `${root}/api/auth/api/v1/auth/${call}`] as const
      )
    ),
    ['POST', '/webdev/api/auth/api/v1/auth/resend-otp-auth'],
    ['POST', '/webdev/api/auth/api/v1/auth/refreshtoken'],
    ['GET', '/external/esrm/service/general/api/v1/Certificates/by-userId'],
    ['GET', '/external/esrm/service/general/api/v1/Certificates/by-certId'],
    ['POST', '/external/esrm/service/document/api/v1/documents/hash'],
    ['POST', '/external/esrm/service/document/api/v1/documents/attachment'],
    ['POST', '/external/esrm/service/signing/api/v1/Signing/hash'],
    ['GET', '/external/esrm/service/signing/api/v1/Signing/status/{transactionId}']
  ],
  nacencomm: [
    ['POST', '/api/data/get_certificate'],
    ['POST', '/api/data/sign'],
    ['POST', '/api/data/status'],
    ['POST', '/rssp/v2/neac/get_certificate'],
    ['POST', '/api/APISigncore/Guiyeucauky_Mobilesign'],
    ['POST', '/api/APISigncore/Layketquaky'],
    ['POST', '/api/APISigncore/Getcert'],
    ['POST', '/api/APISigncore/Xoayeucauky_Code'],
    ['POST', '/api/APISigncore/Capnhattrangthaihoantat_Code'],
    ...[
      'Ky_Mobilesign',
      'Tuchoiky_mobilesign',
      'Kyarr_Mobilesign_Object',
      'Tuchoikylo',
      'LayDSPush',
      'Kichhoatthietbi',
      'Kiemtrathietbi',
      'Kiemtramapin',
      'Doimapin',
      'CapnhatRegID',
      'LaythongtinCTS_DeviceID_HSDT'
    ].map((unserved) => ({ unserved }))
  ],
  neac: [
    ['POST', '/sign_v2/get_certificate'],
    ['POST', '/sign_v2/sign'],
    ['POST', '/sign_v2/sign_file'],
    { unserved: 'neac.gov.vn/vi/Home/VerifyFileByNeac' }
  ]
}

t.test('each call that is known of a provider answers, or its page says why it does not', async (t) => {
  const { url } = await startWorld(t, { seed: 'none' })
  const { paths } = (await (await fetch(`${url}/docs/json`)).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  const withoutNames = (path: string) => path.replace(/\{[^}]*\}/g, '{}')
  const served = new Set(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${withoutNames(path)}`)
    )
  )
  for (const [provider, calls] of Object.entries(known)) {
    const page = await readFile(new URL(`../../../docs/providers/${provider}.md`, import.meta.url), 'utf8')
    for (const call of calls) {
      if ('unserved' in call) {
        const told = page
          .split('\n')
          .some((line) => line.includes(call.unserved) && !line.includes('`POST /'))
        t.ok(told && /not offered/i.test(page), `${provider}: ${call.unserved} is said not to be offered`)
      } else {
        const [method, path] = call
        t.ok(served.has(`${method} ${withoutNames(`/${provider}${path}`)}`), `${method} /${provider}${path}`)
      }
    }
  }
})
