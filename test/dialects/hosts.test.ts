import { request } from 'node:http'
import t from 'tap'
import { startWorld } from '../world.js'

/** A host of a provider, a path where its dialect answers there, and where the same is under our own address. */
const hosts = [
  ['gwsca.vnpt.vn', '/sca/sp769/v1/credentials/get_certificate', 'vnpt'],
  ['gwsca.vnpt.vn', '/sca/sp769/v2/signatures/sign', 'vnpt'],
  ['rmgateway.vnptit.vn', '/sca/sp769/v1/credentials/get_certificate', 'vnpt'],
  ['gwsca.vnpt.vn', '/csc/credentials/list', 'vnpt'],
  ['gwsca.vnpt.vn', '/csc/signature/signhash', 'vnpt'],
  ['rmgateway.vnptit.vn', '/auth/token', 'vnpt'],
  ['remotesigning.viettel.vn', '/vtss/service/ras/v1/login', 'viettel'],
  ['esignapp.misa.vn', '/webdev/api/auth/api/v1/auth/login-api', 'misa'],
  ['testesignappv1.misa.vn', '/webdev/api/auth/api/v1/auth/login-api', 'misa'],
  ['rmsca2.nacencomm.vn', '/api/data/get_certificate', 'nacencomm'],
  ['apisign.nacencomm.vn', '/api/APISigncore/Guiyeucauky_Mobilesign', 'nacencomm'],
  ['esign.neac.gov.vn', '/sign_v2/get_certificate', 'neac']
] as const

t.test('on a provider’s host name its dialect answers, and nothing else', async (t) => {
  const { url } = await startWorld(t)

  const { hostname, port } = new URL(url)
  /** `fetch` lets nobody choose the Host header, and tidies paths. */
  const post = (host: string, path: string, method = 'POST') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const headers = { host, 'content-type': 'application/json' }
      const sent = request({ hostname, port, path, method, headers }, (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString()
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      })
      sent.on('error', reject)
      sent.end(method === 'POST' ? '{}' : undefined)
    })

  for (const [host, path, provider] of hosts) {
    await t.test(host, async (t) => {
      const native = await post(host, path)
      const own = await post(new URL(url).host, `/${provider}${path}`)
      t.not(native.status, 404, 'its own path leads to the dialect')
      t.same(native.status, own.status)
      t.equal(
        (await post(`${host.toUpperCase()}:443`, path)).status,
        native.status,
        'whatever its case and port'
      )

      for (const foreign of [
        '/operator/providers',
        '/health/live',
        '/metrics',
        '/docs',
        '/pki/root.cer',
        `/${provider}${path}`,
        `/${provider}/phone/challenges`,
        '/phone/challenges',
        '/csc/v2/info',
        `${path}/../../../../../phone/challenges`,
        '//phone/challenges'
      ]) {
        t.equal((await post(host, foreign, 'GET')).status, 404, `${foreign} does not answer`)
        t.equal((await post(host, foreign)).status, 404)
      }
      for (const [other, otherPath, otherProvider] of hosts) {
        if (otherProvider !== provider)
          t.equal((await post(host, otherPath)).status, 404, `nor does ${other}`)
      }
    })
  }

  t.equal((await post('gwsca.vnpt.vn.evil.example', '/sca/sp769/v1/signatures/sign')).status, 421)
  t.equal((await post('evil.example', '/vnpt/sca/sp769/v1/signatures/sign')).status, 421)
})
