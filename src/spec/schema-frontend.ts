// How may a frontend be written? Where clients connect, and which service takes what they ask.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { balance } from './schema-balance.ts'
import { limit } from './schema-limits.ts'
import { maintenance } from './schema-maintenance.ts'
import { accessLog, forwarded, tracing } from './schema-observe.ts'
import { forRequests, route, serviceName } from './schema-route.ts'
import { frontendTls, redirect } from './schema-tls.ts'
import { bind, count, duration, key, network, requiredKey, size, worded } from './schema-values.ts'

const errorPages = z.record(
  z
    .string()
    .regex(/^[45]\d\d$/)
    .meta({
      errorMessage: 'expected a status from 400 to 599',
    }),
  z.string().min(1).meta({ errorMessage: 'expected the path of a file' }),
)

const slow = z
  .strictObject({
    below: key(size(), 'Bytes a second that a client has to move.', defaults.slow.below),
    for: key(duration(1000), 'On average over so long.', defaults.slow.for),
  })
  .meta({ errorMessage: 'expected a pace such as `{ below: 1KiB, for: 30s }`' })

/** The value of `frontends.NAME`. */
export const frontend = z
  .strictObject({
    bind: requiredKey(
      worded(
        z.union([bind(), z.array(bind()).min(1)]),
        'an address such as `":80"` (every address of this machine) or `127.0.0.1:8080`, or a ' +
          'list of them',
      ),
      'Where clients connect: `":80"` is port 80 on every IPv4 address of this machine, ' +
        '`"[::]:80"` on every address, `127.0.0.1:8080` only for this machine itself.',
    ),
    mode: key(
      worded(z.enum(['http', 'tcp']), '`http` or `tcp`'),
      '`http` reads requests; `tcp` passes bytes on as they are.',
      defaults.mode,
    ),
    routes: key(z.array(route), 'Asked in order: the first that matches takes the request.'),
    tls: key(
      frontendTls,
      'Every connection is encrypted; servers see `X-Forwarded-Proto: https`. In TCP mode what ' +
        'is inside is passed on. See [TLS](tls.md).',
    ),
    redirect: key(
      redirect,
      '`https` sends every request to https, for the frontend beside the one with `tls`.',
    ),
    to: key(
      serviceName,
      'The service that takes what no route matches. Without it, the answer is 404.',
    ),
    balance: key(
      balance(),
      'How a server is picked, for services that do not say so themselves.',
      defaults.balance,
    ),
    timeouts: key(
      z.strictObject({
        idle: key(
          duration(1),
          'A client connection that carries nothing is closed after this. In TCP mode `1h`.',
          defaults.frontendTimeouts.idle,
        ),
        head: key(
          duration(1),
          'From the first byte of a request to the end of its head.',
          defaults.frontendTimeouts.head,
        ),
        tunnel: key(
          duration(1),
          'A connection that was upgraded (WebSocket) is closed after so long without a byte.',
          defaults.frontendTimeouts.tunnel,
        ),
        half_closed: key(
          duration(),
          'A client that ends its side of the connection while it waits may still read the ' +
            'answer (`nc`, embedded clients), but mostly it has gone: it is waited for so long. ' +
            '`0s` takes it to be gone at once.',
          defaults.frontendTimeouts.halfClosed,
        ),
        request: key(
          duration(1),
          'From the first byte of a request to the end of its body; then 408. Time in which it ' +
            'waits for a server does not count. Without it, a body may take any time.',
        ),
        slow: key(
          slow,
          'A client that sends a body, or reads an answer, slower than this is ended: ' +
            '`{ below: 1KiB, for: 30s }`. Without it, nobody is too slow who moves at all.',
        ),
      }),
      'How long a client may take.',
    ),
    max_connections: key(
      count(1, 10_000_000),
      'Client connections at once; more wait to be accepted.',
      defaults.maxConnections,
    ),
    accept_proxy: key(
      z.array(network()).min(1).meta({
        errorMessage: 'expected a list of networks, such as `[10.0.0.0/8]`',
      }),
      'Proxies before this one, by network. Each of their connections begins with a PROXY header ' +
        '(version 1 or 2) that says who the client is; connections of others do not.',
    ),
    forwarded: key(
      forwarded,
      'What servers are told of who asks. Without it, `X-Forwarded-For` is added to what came, ' +
        'and `-Proto` and `-Host` are set.',
    ),
    tracing: key(
      tracing,
      'A request without `traceparent` (W3C Trace Context) gets one. Those that have one keep it ' +
        'in any case.',
    ),
    access_log: key(
      accessLog,
      'A line of JSON for each request, in TCP mode for each connection: its times, where it ' +
        'went, how it ended. Without it, there is none.',
    ),
    limits: key(
      z.array(limit),
      'How much one client may ask; beyond any of them the answer is 429, with the time to wait.',
    ),
    maintenance: key(
      maintenance,
      'Clients are answered 503 and told when to come back, instead of being served. ' +
        '`alwayson maintenance` switches it.',
    ),
    ...forRequests,
    error_pages: key(
      errorPages,
      'Files with the bodies of Always On’s own answers, by status: `{ 503: ./sorry.html }`.',
    ),
  })
  .meta({ errorMessage: 'expected a frontend with `bind` and `to`' })
