import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** nginx as found on the path of anybody, or where Debian puts it; null: not installed. */
export function findNginx(): string | null {
  const found = ['nginx', '/usr/sbin/nginx'].find((path) => spawnSync(path, ['-v']).status === 0)
  return found ?? null
}

/** A running nginx. */
export interface Nginx {
  readonly url: string
  stop(): Promise<void>
}

/**
 * Runs nginx with examples/nginx.conf, its ports replaced.
 * @param options.port Of nginx itself. @param options.servers Ports of the three servers.
 * @throws Error with nginx's words when it does not take the file.
 */
export async function startNginx(options: {
  program: string
  port: number
  servers: readonly number[]
}): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'kyso-nginx-'))
  const inFile = [8080, 8081, 8082, 8083]
  const ports = [options.port, ...options.servers]
  const example = readFileSync('examples/nginx.conf', 'utf8').replace(/127\.0\.0\.1:(\d+)/g, (_, port) => {
    const index = inFile.indexOf(Number(port))
    return `127.0.0.1:${ports[index]}`
  })
  writeFileSync(join(folder, 'kyso.conf'), example)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    join(folder, 'nginx.conf'),
    [
      'daemon off; worker_processes 1; error_log stderr warn;',
      `pid ${folder}/pid;`,
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'events { worker_connections 1024; }',
      'http {',
      '  access_log off;',
      ...temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`),
      `  include ${folder}/kyso.conf;`,
      '}',
      ''
    ].join('\n')
  )
  const child = spawn(options.program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000)
  })
  const url = `http://127.0.0.1:${options.port}`
  try {
    await answers(url, child)
  } catch (error) {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`nginx does not start: ${complaints}`, { cause: error })
  }
  return {
    url,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`${url}/metrics`).catch(() => null)
    if (answer?.status === 404) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`it ended with ${child.exitCode}`)
}
