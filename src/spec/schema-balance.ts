// How may the policy be written by which a server is picked? One word, or a hash with its details.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { count, headerName, key, number, requiredKey, worded } from './schema-values.ts'

const hashed = z.strictObject({
  hash: requiredKey(
    worded(
      z.enum(['source', 'uri', 'header', 'cookie']),
      'one of `source`, `uri`, `header` and `cookie`',
    ),
    'What one server gets all requests of: a client address, a path, or a value of the `header` ' +
      'or `cookie` called `name`.',
  ),
  name: key(headerName(), 'Of the header or the cookie. A request without it may go anywhere.'),
  depth: key(count(1, 100), 'Of the path, so many segments. Without it all.'),
  query: key(
    worded(z.boolean(), '`true` or `false`'),
    'Whether what follows `?` counts too.',
    false,
  ),
  bound: key(
    number(0, 100),
    'No server takes more than so many times its share, once it has ten requests: what is ' +
      'beyond goes to the next one. `0` is no bound.',
    defaults.hashBound,
  ),
})

/** The value of `balance`. */
export const balance = () =>
  worded(
    z.union([z.enum(['roundrobin', 'leastconn', 'random', 'first', 'source', 'uri']), hashed]),
    'one of `roundrobin`, `leastconn`, `random`, `first`, `source` and `uri`, or the long form ' +
      '`{ hash: header, name: X-User }`',
  )
