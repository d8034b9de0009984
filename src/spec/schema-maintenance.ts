// How may it be written that a frontend or a service is closed for maintenance?

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { duration, key, network, worded } from './schema-values.ts'

/** The value of `maintenance`. */
export const maintenance = worded(
  z.union([
    z.boolean(),
    z.strictObject({
      page: key(
        z.string().min(1).meta({ errorMessage: 'expected the path of a file' }),
        'A file with the body of the answer.',
      ),
      retry_after: key(
        duration(1000),
        'When clients are told to come back.',
        defaults.maintenanceRetry,
      ),
      allow: key(
        z.array(network()).meta({
          errorMessage: 'expected a list of networks, such as `[10.0.0.0/8]`',
        }),
        'Networks whose clients are served all the same.',
      ),
      on: key(
        worded(z.boolean(), '`true` or `false`'),
        'With `false` it only holds while `alwayson maintenance on` says so.',
        true,
      ),
    }),
  ]),
  '`true`, `false` or the long form `{ page: ./sorry.html, allow: [10.0.0.0/8] }`',
)
