// Where are the programs of an installed MariaDB, and of which version?

import { Fault } from '../../../foundation/fault.ts'
import { findProgram, run } from '../mysql-kin/processes.ts'

/** What is installed. */
export interface Programs {
  readonly server: string
  readonly install: string
  readonly client: string
  readonly dump: string
  readonly binlog: string
  /** `10.11.19`. */
  readonly version: string
}

const find = (names: readonly string[], home: string | undefined): string =>
  findProgram(names, home, 'install MariaDB 10.6 or later (Debian: apt-get install mariadb-server)')

/** Finds the programs and asks the server for its version. Rejects with a Fault. */
export async function findPrograms(home: string | undefined): Promise<Programs> {
  const server = find(['mariadbd', 'mysqld'], home)
  const said = await run(server, ['--no-defaults', '--version'], {}, AbortSignal.timeout(60_000))
  const match = /Ver (\d+)\.(\d+)\.(\d+)-MariaDB/.exec(said)
  if (match === null) {
    throw new Fault('unsupported', `${server} is no MariaDB server`, {
      remedy: 'install MariaDB 10.6 or later, or name its folder with `home:`',
    })
  }
  const [, major = '', minor = '', patch = ''] = match
  if (Number(major) < 10 || (major === '10' && Number(minor) < 6)) {
    throw new Fault('incompatible', `${server} is MariaDB ${major}.${minor}`, {
      remedy: 'install MariaDB 10.6 or later',
    })
  }
  return {
    server,
    install: find(['mariadb-install-db', 'mysql_install_db'], home),
    client: find(['mariadb', 'mysql'], home),
    dump: find(['mariadb-dump', 'mysqldump'], home),
    binlog: find(['mariadb-binlog', 'mysqlbinlog'], home),
    version: `${major}.${minor}.${patch}`,
  }
}
