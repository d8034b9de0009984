// How may a health check be written? The short forms and the long ones.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import {
  checkHost,
  checkPath,
  count,
  duration,
  key,
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
  z.union([z.enum(['tcp', 'none']), checkPath(), httpCheck, tcpCheck]),
  'a path such as `/health`, `tcp`, `none`, or the long form `{ http: /health, every: 1s }`',
)
