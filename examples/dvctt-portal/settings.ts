/** Settings of the portal: the only file that reads the environment. */
export const settings = [
  {
    name: 'KYSO_URL',
    default: 'http://127.0.0.1:8080',
    meaning: 'Where the providers answer: a kyso server.'
  },
  { name: 'CLIENT_ID', default: 'dvctt', meaning: 'The portal as a relying party, at every provider.' },
  { name: 'CLIENT_SECRET', default: 'dvctt-secret', meaning: 'Its secret.' },
  { name: 'PORTAL_PORT', default: '8090', meaning: 'Port of 127.0.0.1 to listen on; 0 picks a free one.' }
] as const

export interface Settings {
  /** Without a trailing slash. */
  kysoUrl: string
  clientId: string
  clientSecret: string
  port: number
}

/** @throws RangeError that names the setting which cannot be used. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const value = (name: (typeof settings)[number]['name']): string =>
    env[name] || (settings.find((setting) => setting.name === name)?.default ?? '')
  const url = URL.parse(value('KYSO_URL'))
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new RangeError(
      `KYSO_URL is "${value('KYSO_URL')}", expected an address such as http://127.0.0.1:8080.`
    )
  const port = Number(value('PORTAL_PORT'))
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`PORTAL_PORT is "${value('PORTAL_PORT')}", expected a number from 0 to 65535.`)
  return {
    kysoUrl: url.href.replace(/\/$/, ''),
    clientId: value('CLIENT_ID'),
    clientSecret: value('CLIENT_SECRET'),
    port
  }
}
