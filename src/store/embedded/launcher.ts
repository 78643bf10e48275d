import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { StartError } from '../../errors.js'

/** Starts PostgreSQL's programs as somebody PostgreSQL accepts: it refuses to run as root. */
export interface Launcher {
  /** How, for the log. */
  readonly manner: string
  /** Another owner that the data folder needs; null when it is ours. */
  readonly owner: { uid: number; gid: number } | null
  /** In a process group of its own, so that a Ctrl-C in the terminal reaches the server alone. */
  launch(program: string, args: readonly string[], stdio: StdioOptions): ChildProcess
}

/** PostgreSQL gets nothing of our environment. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * Chooses how PostgreSQL is run. As an ordinary user: directly. As root: in a user namespace in which our own uid has
 * another number, so that no file changes its owner and no folder its mode; where that is not allowed, as the system
 * user `postgres` or `nobody`. A data folder that exists decides by its owner.
 * @throws StartError when run as root and neither way is open.
 */
export async function chooseLauncher(dataFolder: string): Promise<Launcher> {
  if (process.getuid?.() !== 0) {
    return {
      manner: 'directly',
      owner: null,
      launch: (program, args, stdio) => spawn(program, args, { env, stdio, detached: true })
    }
  }
  const existing = await stat(dataFolder).catch(() => null)
  const users = systemUsers()
  if (existing && existing.uid !== 0) return asUser({ uid: existing.uid, gid: existing.gid })

  const namespace = namespaceOptions(users)
  if (namespacesAllowed(namespace)) {
    return {
      manner: 'in a user namespace',
      owner: null,
      launch: (program, args, stdio) =>
        spawn('unshare', [...namespace, program, ...args], { env, stdio, detached: true })
    }
  }
  const user = users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody')
  if (!user || existing) {
    throw new StartError(
      `PostgreSQL does not run as root, and user namespaces (unshare --user) are not allowed here. ${waysOut}`
    )
  }
  return asUser(user)
}

/** What whoever started us can do when PostgreSQL cannot be run as somebody else. */
export const waysOut =
  'Start kyso as an ordinary user, or name another PostgreSQL (15 or later) by DATABASE_URL.'

/**
 * The mode of a data folder that is about to be made: nobody else's, but where PostgreSQL will have to run as another
 * user, who must be able to pass through to its own folder inside.
 */
export function newDataDirMode(): number {
  return process.getuid?.() === 0 && !namespacesAllowed(namespaceOptions(systemUsers())) ? 0o711 : 0o700
}

function namespaceOptions(users: ReturnType<typeof systemUsers>): string[] {
  // initdb wants its uid to have a name.
  const mapped = users.find(({ uid }) => uid === 1000) ?? users.find(({ name }) => name === 'nobody')
  return ['--user', `--map-user=${mapped?.uid ?? 1000}`, `--map-group=${mapped?.gid ?? 1000}`, '--']
}

function namespacesAllowed(options: readonly string[]): boolean {
  return spawnSync('unshare', [...options, 'true'], { env, stdio: 'ignore' }).status === 0
}

function asUser({ uid, gid }: { uid: number; gid: number }): Launcher {
  return {
    manner: `as the user with uid ${uid}`,
    owner: { uid, gid },
    // Changing the uid drops root's groups too.
    launch: (program, args, stdio) => spawn(program, args, { env, stdio, detached: true, uid, gid })
  }
}

/** Local users with a number other than root's. */
function systemUsers(): { name: string; uid: number; gid: number }[] {
  let text: string
  try {
    text = readFileSync('/etc/passwd', 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    return Number(uid) > 0 && Number(gid) > 0 ? [{ name, uid: Number(uid), gid: Number(gid) }] : []
  })
}
