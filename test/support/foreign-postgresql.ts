// A pair of PostgreSQL servers that somebody else has set up: a primary, and a replica of it.

import { spawnSync } from 'node:child_process'
import { appendFileSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { eventually, folderOf, freePort, otherUser, ServerProcess } from './database-bed.ts'

export const boss = { user: 'boss', password: 'boss-secret' } as const

/** Somebody else's servers, the primary first. */
export interface ForeignPair extends AsyncDisposable {
  readonly folder: string
  readonly primary: ServerProcess
  readonly replica: ServerProcess
}

function run(program: string, args: readonly string[], cwd: string): void {
  const made = spawnSync(program, args, { ...otherUser(), cwd, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`${program}: ${made.stderr}`)
}

function write(path: string, text: string): void {
  writeFileSync(path, text)
  const user = otherUser()
  if (user !== undefined) chownSync(path, user.uid, user.gid)
}

/** Runs statements one after another, as the superuser. */
export async function asBoss(port: number, ...statements: readonly string[]) {
  const client = new pg.Client({ host: '127.0.0.1', port, ...boss, database: 'postgres' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    let rows: readonly Record<string, unknown>[] = []
    for (const each of statements) {
      rows = (await client.query<Record<string, unknown>>(each)).rows
    }
    return rows
  } finally {
    await client.end()
  }
}

const answers = (port: number): Promise<boolean> =>
  asBoss(port, 'SELECT 1').then(
    () => true,
    () => false,
  )

function initialise(bin: string, folder: string, name: string): string {
  const data = join(folder, name)
  const word = join(folder, 'password')
  write(word, `${boss.password}\n`)
  run(
    join(bin, 'initdb'),
    [
      ...['-D', data, '-U', boss.user, '-A', 'scram-sha-256', '--pwfile', word],
      ...['--no-sync', '--no-instructions', '-E', 'UTF8', '--locale=C'],
    ],
    folder,
  )
  return data
}

function settings(data: string, port: number, more: Readonly<Record<string, string>> = {}): void {
  const all = {
    ...{ listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' },
    ...{ max_connections: '60', shared_buffers: '16MB', work_mem: '5MB', fsync: 'off' },
    ...more,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`)
  appendFileSync(join(data, 'postgresql.conf'), lines.join(''))
}

const serverOf = async (bin: string, folder: string, name: string): Promise<ServerProcess> => {
  const server = new ServerProcess(name, await freePort(), folder, [
    ...[join(bin, 'postgres'), '-D', join(folder, name)],
  ])
  return server
}

/** One server that takes writes; not started. */
export async function foreignPrimary(
  bin: string,
  folder: string,
  name: string,
): Promise<ServerProcess> {
  const server = await serverOf(bin, folder, name)
  settings(initialise(bin, folder, name), server.port)
  return server
}

/** A pair that replicates, with a table `entries` in the database `shop`, which `owner` owns. */
export async function openForeignPair(bin: string): Promise<ForeignPair> {
  const folder = folderOf('alwayson-foreign-')
  const primary = await foreignPrimary(bin, folder, 'one')
  await primary.start()
  await eventually('the primary answers', () => answers(primary.port))
  await asBoss(
    primary.port,
    "CREATE ROLE owner LOGIN PASSWORD 'owner-secret'",
    "CREATE ROLE copier LOGIN REPLICATION PASSWORD 'copier-secret'",
    'CREATE DATABASE shop OWNER owner',
    "SELECT pg_create_physical_replication_slot('two')",
  )
  await primary.end('SIGINT')
  const replica = await serverOf(bin, folder, 'two')
  const data = join(folder, 'two')
  run('cp', ['-a', join(folder, 'one'), data], folder)
  // A base backup has no slots of its source.
  rmSync(join(data, 'pg_replslot', 'two'), { recursive: true })
  const source = `host=127.0.0.1 port=${primary.port} user=copier password=copier-secret`
  settings(data, replica.port, { primary_conninfo: source, primary_slot_name: 'two' })
  write(join(data, 'standby.signal'), '')
  await primary.start()
  await replica.start()
  await eventually('both answer', async () => {
    return (await answers(primary.port)) && (await answers(replica.port))
  })
  await eventually('the replica receives', async () => {
    const rows = await asBoss(primary.port, 'SELECT state FROM pg_stat_replication')
    return rows[0]?.state === 'streaming'
  })
  mkdirSync(join(folder, 'ours'), { mode: 0o711 })
  return {
    ...{ folder, primary, replica },
    async [Symbol.asyncDispose]() {
      await replica[Symbol.asyncDispose]()
      await primary[Symbol.asyncDispose]()
    },
  }
}
