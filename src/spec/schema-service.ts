// How may a service be written? Either replicas that Always On runs, or servers that others run.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { balance } from './schema-balance.ts'
import { check } from './schema-check.ts'
import { maintenance } from './schema-maintenance.ts'
import { sticky } from './schema-sticky.ts'
import { serviceTls } from './schema-tls.ts'
import {
  address,
  asWritten,
  count,
  duration,
  environmentName,
  key,
  name,
  number,
  requiredKey,
  serverName,
  size,
  worded,
} from './schema-values.ts'

const hold = worded(
  z.union([
    duration(),
    z.strictObject({
      wait: key(duration(), 'How long a request may wait.', defaults.hold.wait),
      requests: key(count(0, 1_000_000), 'How many may wait at once.', defaults.hold.requests),
      memory: key(size(), 'How much memory they may take.', defaults.hold.memory),
    }),
  ]),
  'a length of time such as `15s`, or the long form `{ wait: 15s, requests: 10000 }`',
)

const hedge = worded(
  z.union([
    z.enum(['auto', 'off']),
    z.strictObject({
      after: key(
        duration(1),
        'A first byte that takes longer is late. Without it, what is late is learned.',
      ),
      share: key(
        number(0, 1),
        'Of all requests so many, at most, are sent twice (and ten a second in any case).',
        defaults.hedge.share,
      ),
      methods: key(
        worded(z.enum(['safe', 'idempotent']), '`safe` or `idempotent`'),
        '`safe`: GET, HEAD, OPTIONS and TRACE. `idempotent`: also PUT and DELETE, which two ' +
          'servers may then carry out at the same time.',
        defaults.hedge.methods,
      ),
    }),
  ]),
  '`auto`, `off`, or the long form `{ after: 200ms, share: 0.05 }`',
)

const common = {
  check: key(
    check,
    'How Always On finds out whether a server is up. A path is short for ' +
      '`{ http: PATH }`; `tcp` connects; `none` takes every server as up.',
    'tcp',
  ),
  balance: key(
    balance(),
    'How a server is picked among those that are up: `random` draws two and takes the one with ' +
      'less to do; `first` fills one after the other up to `max_connections`; `source` and ' +
      '`uri` send one client, or one path, to one server. It wins over the frontend’s.',
  ),
  protocol: key(
    worded(z.enum(['http', 'http2']), '`http` or `http2`'),
    'What its servers speak: HTTP/1.1, or HTTP/2 without TLS, which servers of gRPC need. ' +
      'Clients may speak either. Checks with `http` speak the same.',
    'http',
  ),
  maintenance: key(
    maintenance,
    'Its requests are answered 503, with the time to come back, instead of being sent on. ' +
      '`alwayson maintenance` switches it.',
  ),
  sticky: key(
    sticky,
    'Clients go on with the server that they had, by a cookie: `sticky: SERVER`. It names no ' +
      'address, and a client whose server is gone gets another one.',
  ),
  tls: key(
    serviceTls,
    'Its servers are spoken to under TLS, and so are its checks. `true` verifies who they are.',
  ),
  send_proxy: key(
    worded(z.enum(['v1', 'v2']), '`v1` or `v2`'),
    'Its servers are told who the client is by a PROXY header of this version, at the beginning ' +
      'of each connection; so are checks.',
  ),
  slow_start: key(
    duration(),
    'A server that comes up while others are up takes a small share at first, and its full one ' +
      'after this.',
    defaults.slowStart,
  ),
  hold: key(
    hold,
    'How long a request waits while no server is up, instead of being refused. ' +
      'A length of time is short for `{ wait: TIME }`.',
    defaults.hold.wait,
  ),
  hedge: key(
    hedge,
    'What happens when the first byte of an answer is late while other servers are prompt: ' +
      'the request goes to one of them too, whoever answers first is heard, the other is left. ' +
      '`auto` learns what is late from the answers of the service; `off` sends nothing twice.',
    defaults.hedge.mode,
  ),
  kept_bodies: key(
    z.strictObject({
      each: key(size(), 'A longer body is sent once only.', defaults.keptBodies.each),
      memory: key(size(), 'How much memory they may take.', defaults.keptBodies.memory),
    }),
    'Bodies of requests are kept until the answer begins, so that they can be sent to another ' +
      'server.',
  ),
  timeouts: key(
    z.strictObject({
      connect: key(
        duration(1),
        'From the first packet to an open connection.',
        defaults.serviceTimeouts.connect,
      ),
      response: key(
        duration(1),
        'From the last byte of a request to the first byte of the answer, and between two ' +
          'bytes of it.',
        defaults.serviceTimeouts.response,
      ),
    }),
    'How long a server may take.',
  ),
  max_connections: key(
    count(1, 1_000_000),
    'Requests (in TCP mode connections) on one server at once; more wait for a place.',
  ),
}

const runLine = z.string().min(1).meta({
  'x-kind': 'run',
  'x-references': 'replica',
  'x-no-env': 'the process list would show it',
  errorMessage: 'expected a command, such as `node server.js`',
})
const runWords = z
  .array(
    asWritten().meta({
      'x-references': 'replica',
      'x-no-env': 'the process list would show it',
    }),
  )
  .min(1)
  .meta({ errorMessage: 'expected a program and its arguments' })

const restart = z.strictObject({
  first: key(duration(1), 'The wait before the first restart.', defaults.restart.first),
  factor: key(
    number(1, 100),
    'How many times longer each wait is than the one before.',
    defaults.restart.factor,
  ),
  most: key(duration(1), 'The longest wait.', defaults.restart.most),
  jitter: key(
    number(0, 1),
    'The share of a wait that chance takes off, so that many do not restart in step.',
    defaults.restart.jitter,
  ),
  well_after: key(
    duration(1),
    'A process that ran this long was well: its earlier exits are forgotten.',
    defaults.restart.well_after,
  ),
  loop_after: key(
    count(1, 1000),
    'This many exits in a row, none of them well, are called a crash loop. It is still tried, ' +
      'at the longest wait.',
    defaults.restart.loop_after,
  ),
})

/** Replicas that Always On runs. */
export const runService = z.strictObject({
  run: requiredKey(
    worded(z.union([runLine, runWords]), 'a command such as `node server.js`, or a list of words'),
    'What to run: a line, split into words as a shell does (and given to `/bin/sh` if it needs ' +
      'one), or a list of words. Each replica finds its port in `PORT`; `${port}`, `${host}` ' +
      'and `${replica}` stand for its own.',
  ),
  replicas: key(
    count(1, 1000).meta({ 'x-remedy': 'to run none, leave the service out' }),
    'How many to run.',
    defaults.replicas,
  ),
  on: key(
    worded(z.union([name(), z.array(name()).min(1)]), 'a machine, or a list of machines'),
    'Of several machines: those that may run it. Without it, all.',
  ),
  cwd: key(z.string().min(1), 'The folder to run in, from the file’s own folder.', '.'),
  env: key(
    z.record(environmentName(), asWritten().meta({ 'x-references': 'replica', 'x-private': true })),
    'Environment variables, added to those of Always On itself. Values taken from ' +
      '`${env.NAME}` are secrets: they are never shown or logged.',
  ),
  ready: key(
    duration(1),
    'From a replica’s start to its first passed check; a deploy that takes longer has failed.',
    defaults.ready,
  ),
  drain: key(
    duration(),
    'How long a leaving replica may take to answer what it has.',
    defaults.drain,
  ),
  stop: key(
    z.strictObject({
      signal: key(
        worded(
          z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']),
          'one of `SIGTERM`, `SIGINT`, `SIGQUIT` and `SIGHUP`',
        ),
        'The signal that asks a process to end.',
        defaults.stop.signal,
      ),
      within: key(duration(), 'From that signal to SIGKILL.', defaults.stop.within),
    }),
    'How a replica is stopped.',
  ),
  restart: key(restart, 'What happens when a process ends by itself.'),
  logs: key(
    z.strictObject({
      size: key(size(), 'A log file of this size is set aside.', defaults.logs.size),
      keep: key(count(0, 1000), 'How many older files stay.', defaults.logs.keep),
    }),
    'What a replica writes to its standard output and error.',
  ),
  ...common,
})

const serverObject = z.strictObject({
  at: requiredKey(address(), 'Its address, `host:port`.'),
  name: key(serverName(), 'What it is called; without it the service’s name and its place.'),
  weight: key(
    count(0, 256),
    'Its share of the requests beside the others’; `0` takes nothing new.',
    defaults.server.weight,
  ),
  backup: key(
    worded(z.boolean(), '`true` or `false`'),
    'Picked only while no other server is up.',
    defaults.server.backup,
  ),
  check: key(check, 'How this server is checked, if not as the service says.'),
  max_connections: key(count(1, 1_000_000), 'Its own limit, if not the service’s.'),
})

/** Servers that something else runs. */
export const serversService = z.strictObject({
  servers: requiredKey(
    z
      .array(
        worded(
          z.union([address(), serverObject]),
          '`host:port`, or the long form `{ at: "host:port", weight: 2 }`',
        ),
      )
      .min(1)
      .meta({ errorMessage: 'expected a list of servers, such as `[10.0.0.5:80, 10.0.0.6:80]`' }),
    'The addresses that answer. Always On checks them and routes to them.',
  ),
  ...common,
})

/** The value of `services.NAME`. */
export const service = worded(
  z.union([runService, serversService]),
  'a service with `run` or `servers`',
)
