import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ServerProcess } from '../clients/server-process.js'
import { dataTemplate } from '../world.js'

t.test('twenty times stopped and started at once, nothing is lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-rounds-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  cpSync(await dataTemplate('demo'), dataDir, { recursive: true })
  const authorization = { authorization: 'Bearer operator-demo', 'content-type': 'application/json' }
  const logins: string[] = []
  for (let round = 1; round <= 20; round += 1) {
    const server = await ServerProcess.start(dataDir)
    t.teardown(() => server.kill())
    const answer = await fetch(`${server.url}/operator/subscribers`, {
      method: 'POST',
      headers: authorization,
      body: JSON.stringify({
        provider: 'viettel',
        login: `round-${round}`,
        fullName: 'Nguyễn Văn Vòng',
        nationalId: '036081001234'
      })
    })
    t.equal(answer.status, 201, `round ${round} writes`)
    logins.push(`round-${round}`)
    const list = await fetch(`${server.url}/operator/subscribers?provider=viettel&limit=200`, {
      headers: authorization
    })
    const { items } = (await list.json()) as { items: { login: string }[] }
    const found = items.map(({ login }) => login)
    t.same(
      logins.filter((login) => !found.includes(login)),
      [],
      `round ${round} finds everything`
    )
    t.equal(await server.stop(), 0, `round ${round} ends well`)
  }
})
