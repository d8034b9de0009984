// A pair of MariaDB servers that somebody else has set up: a primary, and a replica of it.

import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { eventually, folderOf, freePort, otherUser, ServerProcess } from './database-bed.ts'

/** May write to `shop`, and is bound by read_only. */
export const owner = { user: 'owner', password: 'owner-secret' } as const

export const boss = { user: 'boss', password: 'boss-secret' } as const

type Rows = readonly Readonly<Record<string, unknown>>[]

/** Runs statements one after another, as one who may do everything. */
export async function asBoss(port: number, ...statements: readonly string[]): Promise<Rows> {
  const connection = await mysql.createConnection({ host: '127.0.0.1', port, ...boss })
  connection.on('error', () => undefined)
  try {
    let rows: Rows = []
    for (const each of statements) rows = (await connection.query(each))[0] as Rows
    return rows
  } finally {
    connection.destroy()
  }
}

export const answers = (port: number): Promise<boolean> =>
  asBoss(port, 'SELECT 1').then(
    () => true,
    () => false,
  )

/** One server that takes writes, in `folder/name`; not started. */
export async function foreignMariadb(
  folder: string,
  name: string,
  serverId: number,
): Promise<ServerProcess> {
  const data = join(folder, name)
  const logs = join(folder, `${name}-logs`)
  const first = join(folder, `${name}.sql`)
  const user = otherUser()
  mkdirSync(logs)
  writeFileSync(
    first,
    [
      'FLUSH PRIVILEGES;',
      "CREATE USER boss@'%' IDENTIFIED BY 'boss-secret';",
      "GRANT ALL ON *.* TO boss@'%' WITH GRANT OPTION;\n",
    ].join('\n'),
  )
  if (user !== undefined) {
    for (const path of [logs, first]) chownSync(path, user.uid, user.gid)
  }
  const made = spawnSync(
    'mariadb-install-db',
    [
      ...['--no-defaults', `--datadir=${data}`, '--skip-test-db', `--extra-file=${first}`],
      '--auth-root-authentication-method=normal',
    ],
    { ...user, cwd: folder, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stderr}${made.stdout}`)
  const port = await freePort()
  return new ServerProcess(name, port, folder, [
    ...['/usr/sbin/mariadbd', '--no-defaults', `--datadir=${data}`, `--port=${port}`],
    ...['--bind-address=127.0.0.1', `--socket=${join(folder, `${name}.sock`)}`],
    ...[`--server-id=${serverId}`, `--log-bin=${join(logs, 'mysql-bin')}`],
    ...['--innodb-buffer-pool-size=16M', '--sort-buffer-size=300000', '--skip-name-resolve'],
  ])
}

/** Somebody else's servers, the primary first. */
export interface ForeignMariadbPair extends AsyncDisposable {
  readonly folder: string
  readonly primary: ServerProcess
  readonly replica: ServerProcess
}

/** A pair that replicates by file and offset, with a database `shop`. */
export async function openForeignMariadbPair(): Promise<ForeignMariadbPair> {
  const folder = folderOf('alwayson-foreign-')
  const primary = await foreignMariadb(folder, 'one', 101)
  const replica = await foreignMariadb(folder, 'two', 102)
  await primary.start()
  await replica.start()
  const { port } = primary
  await eventually('both answer', async () => {
    return (await answers(port)) && (await answers(replica.port))
  })
  await asBoss(
    port,
    "CREATE USER copier@'%' IDENTIFIED BY 'copier-secret'",
    "GRANT REPLICATION SLAVE ON *.* TO copier@'%'",
    "CREATE USER owner@'%' IDENTIFIED BY 'owner-secret'",
    "GRANT ALL ON shop.* TO owner@'%'",
    'CREATE DATABASE shop',
    'CREATE TABLE shop.entries (id INT PRIMARY KEY)',
  )
  await asBoss(
    replica.port,
    'RESET MASTER',
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${port}, MASTER_USER = 'copier',
      MASTER_PASSWORD = 'copier-secret', MASTER_LOG_FILE = 'mysql-bin.000001', MASTER_LOG_POS = 4`,
    'SET GLOBAL read_only = ON',
    'START SLAVE',
  )
  await eventually('the replica receives', async () => {
    const [row] = await asBoss(replica.port, 'SHOW SLAVE STATUS')
    const found = await asBoss(replica.port, "SHOW TABLES FROM shop LIKE 'entries'").catch(() => [])
    return row?.Slave_IO_Running === 'Yes' && found.length === 1
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
