// How may a health check be written? The short forms and the long ones.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import {
  agentHost,
  asWritten,
  bodyText,
  checkHost,
  checkPath,
  count,
  duration,
  fieldName,
  grpcService,
  key,
  pattern,
  requiredKey,
  status,
  statuses,
  worded,
} from './schema-values.ts'

const timing = {
  every: key(
    duration(10),
    'Between the starts of two checks while nothing is in doubt.',
    defaults.check.every,
  ),
  fast: key(
    duration(10),
    'The same while the verdict is in doubt: after a first failure, a first pass, or when ' +
      'traffic meets an error. Without it a fifth of `every`, at least `50ms`.',
  ),
  timeout: key(duration(1), 'A check that takes longer has failed.', defaults.check.timeout),
  fall: key(count(1, 100), 'Failures in a row that take a server out.', defaults.check.fall),
  rise: key(count(1, 100), 'Passes in a row that bring it back.', defaults.check.rise),
  port: key(count(1, 65_535), 'The port that is asked, if not the one that takes the traffic.'),
  agent: key(
    worded(
      z.union([
        count(1, 65_535),
        z.strictObject({
          port: requiredKey(count(1, 65_535), 'Where the agent listens.'),
          host: key(agentHost(), 'Its address, if not the server’s.'),
          every: key(duration(10), 'Between two questions.', defaults.agent.every),
          timeout: key(duration(1), 'An answer that takes longer is none.', defaults.agent.timeout),
          send: key(z.string().max(256), 'What is sent first, such as `"web-1\\n"`.', ''),
        }),
      ]),
      'a port such as `9707`, or the long form `{ port: 9707, every: 2s }`',
    ),
    'HAProxy’s agent-check: a program beside the server answers each connection with one line of ' +
      '`up`, `down`, `drain`, `maint`, `ready`, `75%` (of its weight) and `maxconn:30`. An agent ' +
      'that cannot be reached changes nothing.',
  ),
}

const statusWords = 'statuses, such as `200`, `200-399` or `[2xx, 401]`'
const oneOrRange = worded(z.union([status(), statuses()]), statusWords)

const httpCheck = z.strictObject({
  http: requiredKey(
    checkPath(),
    'The path to ask for. `${port}`, `${host}` and `${replica}` stand for the replica’s own.',
  ),
  method: key(
    worded(z.enum(['GET', 'HEAD', 'OPTIONS']), 'one of `GET`, `HEAD` and `OPTIONS`'),
    'The request method.',
    defaults.check.method,
  ),
  host: key(checkHost(), 'The Host header. Without it, the address that is asked.'),
  expect: key(
    worded(z.union([status(), statuses(), z.array(oneOrRange).min(1)]), statusWords),
    'The statuses that pass: one, a range, a class such as `2xx`, or a list of these.',
    defaults.check.expect,
  ),
  headers: key(
    z.record(fieldName(), asWritten().meta({ 'x-private': true })),
    'Further fields of the request, such as `{ Authorization: "Bearer ${env.TOKEN}" }`.',
  ),
  body: key(
    z.strictObject({
      contains: key(bodyText(), 'A text that must be there.'),
      lacks: key(bodyText(), 'A text that must not be there.'),
      matches: key(pattern(), 'A regular expression that must match.'),
    }),
    'What the first 64 KiB of the body must say, beside the status.',
  ),
  ...timing,
})

const grpcCheck = z.strictObject({
  grpc: requiredKey(
    worded(
      z.union([z.literal(true), grpcService()]),
      '`true`, or the name of a gRPC service such as `shop.Orders`',
    ),
    'Asks the gRPC health service (`grpc.health.v1.Health/Check`) over HTTP/2 without TLS; a ' +
      'name asks for one service of the server, `true` for the server as a whole. `SERVING` is a ' +
      'pass.',
  ),
  ...timing,
})

const tcpCheck = z.strictObject({
  tcp: requiredKey(
    worded(z.literal(true), '`true`'),
    'A connection that is accepted is a pass; nothing is sent.',
  ),
  ...timing,
})

/** The value of `check`. */
export const check = worded(
  z.union([z.enum(['tcp', 'none']), checkPath(), httpCheck, grpcCheck, tcpCheck]),
  'a path such as `/health`, `tcp`, `none`, or the long form `{ http: /health, every: 1s }`',
)
