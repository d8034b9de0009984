// How may a database be written? Which server, how many members, and what a failover may cost.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import {
  address,
  asWritten,
  bind,
  count,
  duration,
  key,
  name,
  requiredKey,
  worded,
} from './schema-values.ts'

const port = (): z.ZodInt => count(1, 65_535)

const user = (): z.ZodString =>
  z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,30}$/)
    .meta({
      errorMessage: 'expected a name of lower-case letters, digits and `_`, at most 31 of them',
    })

const credentials = z
  .strictObject({
    user: requiredKey(z.string().min(1).max(63), 'A user that may do everything.'),
    password: requiredKey(
      z.string().min(1).meta({ 'x-private': true, errorMessage: 'expected `${env.NAME}`' }),
      'Its password, from the environment: `${env.NAME}`.',
    ),
  })
  .meta({ errorMessage: 'expected `{ user: postgres, password: "${env.PGPASSWORD}" }`' })

const adopted = z.strictObject({
  at: requiredKey(address(), 'Where the server listens, `host:port`.'),
  credentials: key(credentials, 'As whom Always On comes, if not as the database says.'),
  on: key(
    name(),
    'The machine it runs on. Without it, the one that has the same address in `machines`.',
  ),
})

const spread = z.strictObject({
  count: key(
    count(1, 9),
    'How many. Without it, one on each machine of `on`, or as many as without `members`.',
  ),
  on: key(
    worded(z.union([name(), z.array(name()).min(1)]), 'a machine, or a list of machines'),
    'Of several machines: those that run one. Without it, all.',
  ),
  ports: key(
    worded(
      z.union([port(), z.array(port()).min(1)]),
      'the port of the first, or a list with one for each',
    ),
    'Where they listen: the port of the first, with the next ones for the others, or a list. ' +
      'Without it, ports above 21000 that follow from the name.',
  ),
})

const members = worded(
  z.union([
    count(1, 9),
    spread,
    z.array(adopted).min(1).meta({
      errorMessage: 'expected a list of servers, such as `[{ at: "10.0.0.5:5432" }]`',
    }),
  ]),
  'how many, `{ on: [a, b, c] }`, or a list of servers that run: `[{ at: "10.0.0.5:5432" }]`',
)

const mode = z.enum(['auto', 'ask', 'observe'])

const failover = worded(
  z.union([
    mode,
    z.strictObject({
      mode: key(
        worded(mode, '`auto`, `ask` or `observe`'),
        '`auto`: made by itself. `ask`: once `alwayson approve` says so. `observe`: only told.',
        defaults.database.failover,
      ),
      within: key(
        duration(1),
        'What clients wait at most when a machine is lost. How soon it counts as lost follows.',
        defaults.database.within,
      ),
    }),
  ]),
  '`auto`, `ask`, `observe`, or the long form `{ mode: auto, within: 4s }`',
)

const hold = worded(
  z.union([
    duration(),
    z.strictObject({
      wait: key(duration(), 'How long a connection may wait.', defaults.database.hold.wait),
      connections: key(
        count(0, 1_000_000),
        'How many may wait at once.',
        defaults.database.hold.connections,
      ),
    }),
  ]),
  'a length of time such as `30s`, or the long form `{ wait: 30s, connections: 1000 }`',
)

const doors = worded(
  z.union([
    bind(),
    z.strictObject({
      write: key(bind(), 'Leads to the primary. Without it, a port of this machine alone.'),
      read: key(bind(), 'Leads to replicas that are near enough. Without it, there is none.'),
    }),
  ]),
  'an address such as `":5432"`, or `{ write: ":5432", read: ":5433" }`',
)

const backups = z
  .strictObject({
    to: requiredKey(
      z.string().min(1).meta({ errorMessage: 'expected the path of a folder' }),
      'The folder that they go to. The log since the oldest of them goes there too.',
    ),
    every: key(duration(60_000), 'How often one is made.', defaults.database.backups.every),
    keep: key(count(1, 10_000), 'So many are kept.', defaults.database.backups.keep),
    try_every: key(
      duration(60_000),
      'How often the latest is restored on trial. Without it, never.',
    ),
  })
  .meta({ errorMessage: 'expected `{ to: /backups, every: 1d, keep: 7 }`' })

const settingName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/)
  .meta({ errorMessage: 'expected the name of a setting, such as `shared_buffers`' })

/** The value of `databases.NAME`. */
export const database = z
  .strictObject({
    engine: requiredKey(
      worded(z.enum(['postgresql', 'mariadb', 'mysql']), '`postgresql`, `mariadb` or `mysql`'),
      'Which server: PostgreSQL 14 and up (it comes with Always On), MariaDB 10.6 and up, MySQL 8.',
    ),
    members: key(
      members,
      'How many servers have the data, one of them primary; on which machines; or those of a ' +
        'replication that runs, to be taken over. They are called `NAME-1`, `NAME-2` and so on.',
      defaults.database.members,
    ),
    durability: key(
      worded(z.enum(['quorum', 'async']), '`quorum` or `async`'),
      '`quorum`: a write is acknowledged once a majority of the members has it on disk, and ' +
        'survives the loss of any machine. `async`: once the primary has it; a failover may lose ' +
        'the last ones, and says which. With one member there is only `async`.',
      defaults.database.durability,
    ),
    failover: key(
      failover,
      'Who decides that another becomes primary, and within which time it has to be done.',
      defaults.database.failover,
    ),
    bind: key(
      doors,
      'Where clients connect, whoever is primary. One address is short for `{ write: … }`. ' +
        'Without it, a port of this machine alone that follows from the name.',
    ),
    read_lag: key(
      duration(1),
      'A replica that is further behind is no place to read.',
      defaults.database.readLag,
    ),
    hold: key(
      hold,
      'How long new connections wait while there is no primary, instead of being refused.',
      defaults.database.hold.wait,
    ),
    on_divergence: key(
      worded(z.enum(['quarantine', 'hold']), '`quarantine` or `hold`'),
      'A former primary comes back with writes that nobody else has. `quarantine`: they are ' +
        'set aside, readable, and it follows. `hold`: it waits for `alwayson reinit`.',
      defaults.database.onDivergence,
    ),
    home: key(
      z.string().min(1).meta({ errorMessage: 'expected the path of a folder' }),
      'The folder with the server’s programs, such as `/usr/lib/postgresql/15/bin`. Without it, ' +
        'what comes with Always On or is installed.',
    ),
    data: key(
      z.string().min(1).meta({ errorMessage: 'expected the path of a folder' }),
      'The folder below which members keep their data. Without it, beside the file’s other state.',
    ),
    user: key(
      user(),
      'As whom the servers run if Always On is root. Without it, the engine’s own user.',
    ),
    settings: key(
      z.record(settingName, asWritten()),
      'Settings of the server, as its documentation names them. Those that durability rests on ' +
        'are refused.',
    ),
    app: key(
      z
        .strictObject({
          user: key(user(), 'Without it, the name of the database here.'),
          database: key(user(), 'Without it, the name of the database here.'),
        })
        .meta({ errorMessage: 'expected `{ user: orders, database: orders }`' }),
      'The user and the database that are made for the application; its password is made by ' +
        'Always On, and reached by `${databases.NAME.url}`.',
    ),
    credentials: key(credentials, 'As whom Always On comes to servers that are taken over.'),
    tls: key(
      worded(z.boolean(), '`true` or `false`'),
      'Whether members on several machines, and the doors that lead to them, speak TLS and show ' +
        'each other certificates of the cluster. A change brings over members that run, step by ' +
        'step. Without it they do, but for servers that were taken over.',
    ),
    backups: key(backups, 'Base backups and the log between them. Without it, there are none.'),
  })
  .meta({ errorMessage: 'expected a database with `engine`' })
