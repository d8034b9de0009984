// How may it be written how much one client may ask?

import * as z from 'zod'
import { count, headerName, key, network, rate, worded } from './schema-values.ts'

/** One of `frontends.NAME.limits`. */
export const limit = z
  .strictObject({
    rate: key(rate(), 'How often: `100/s`, `60/m` or `1000/h`.'),
    concurrent: key(
      count(1, 1_000_000),
      'Instead of `rate`: so many requests at once, WebSockets too. Each edge counts its own.',
    ),
    burst: key(
      count(1, 1_000_000),
      'How many at once after a rest. Without it, what the rate gives in a second, at least 1.',
    ),
    by: key(
      worded(z.enum(['source', 'header']), '`source` or `header`'),
      'Whom it counts: an address (of IPv6 the network, /64), or a value of the header `name`.',
      'source',
    ),
    name: key(headerName(), 'Of the header. A request without it is not limited.'),
    trust: key(
      z.array(network()).min(1).meta({
        errorMessage: 'expected a list of networks, such as `[10.0.0.0/8]`',
      }),
      'Proxies before this one, by network: their clients are told apart by X-Forwarded-For.',
    ),
  })
  .meta({ errorMessage: 'expected a limit such as `{ rate: 100/s, burst: 200 }`' })
