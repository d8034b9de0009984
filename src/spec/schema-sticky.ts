// How may it be written that clients go on with the server that they had?

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { duration, headerName, host, key, path, requiredKey, worded } from './schema-values.ts'

/** The value of `sticky`. */
export const sticky = worded(
  z.union([
    headerName(),
    z.strictObject({
      cookie: requiredKey(headerName(), 'The name of the cookie that Always On sets.'),
      idle: key(duration(1000), 'So long unused, it counts no more. Without it, any time.'),
      life: key(duration(1000), 'So long after it was first set, it counts no more.'),
      path: key(path(), 'The paths that it is for.', defaults.sticky.path),
      domain: key(host(), 'The domain that it is for. Without it, the host that was asked.'),
      same_site: key(
        worded(z.enum(['Lax', 'Strict', 'None']), 'one of `Lax`, `Strict` and `None`'),
        'Whether other sites’ requests carry it.',
        defaults.sticky.same_site,
      ),
      wait: key(
        duration(),
        'How long a request waits for its server to have a place before it goes elsewhere.',
        defaults.sticky.wait,
      ),
      drain: key(
        worded(z.enum(['keep', 'move']), '`keep` or `move`'),
        'Whether a server that an operator drains keeps the clients it has.',
        defaults.sticky.drain,
      ),
    }),
  ]),
  'the name of a cookie, or the long form `{ cookie: SERVER, idle: 30m }`',
)
