// How may it be written what operators see? Metrics, a socket with HAProxy's words.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { bind, key, requiredKey, worded } from './schema-values.ts'

/** The value of `metrics`. */
export const metrics = worded(
  z.union([
    bind(),
    z.strictObject({
      bind: requiredKey(
        bind(),
        'Where the agent answers: `127.0.0.1:9090` only for this machine itself.',
      ),
    }),
  ]),
  'an address such as `127.0.0.1:9090`',
)

const socketPath = z.string().min(1).meta({ errorMessage: 'expected the path of a socket' })

/** The value of `stats_socket`. */
export const statsSocket = worded(
  z.union([
    socketPath,
    z.strictObject({
      path: requiredKey(socketPath, 'Where it is; paths count from the folder of this file.'),
      mode: key(
        z
          .string()
          .regex(/^0[0-7]{3}$/)
          .meta({ errorMessage: 'expected the rights as four octal digits, such as `"0660"`' }),
        'Who may open it, in octal: whoever can, may change what runs.',
        defaults.statsSocketMode,
      ),
    }),
  ]),
  'the path of a socket, such as `/run/shop.sock`',
)
