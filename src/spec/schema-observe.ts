// How may it be written what operators see? Metrics, a socket with HAProxy's words, access logs.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { bind, count, key, network, number, requiredKey, size, worded } from './schema-values.ts'

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

/** The value of `frontends.NAME.access_log`. */
export const accessLog = worded(
  z.union([
    z.string().min(1).meta({ errorMessage: 'expected the path of a file, or `stdout`' }),
    z.strictObject({
      file: key(
        z.string().min(1).meta({ errorMessage: 'expected the path of a file, or `stdout`' }),
        'Where its lines go; paths count from the folder of this file. `stdout` is that of ' +
          '`alwayson up`. Without it, a file among the logs of the state folder, which ' +
          '`alwayson logs NAME` shows.',
      ),
      only: key(
        worded(z.enum(['all', 'errors']), '`all` or `errors`'),
        '`errors`: requests answered with 500 or above, or that did not end as they should.',
        defaults.accessLog.only,
      ),
      sample: key(
        number(0, 1),
        'The share of those that went well which is logged; the others always are.',
        defaults.accessLog.sample,
      ),
      query: key(
        z.boolean().meta({ errorMessage: 'expected `true` or `false`' }),
        'With the query of each request, which may hold secrets.',
        defaults.accessLog.query,
      ),
      size: key(size(), 'A file is rotated when it reaches this.', defaults.accessLog.size),
      keep: key(count(0, 1000), 'So many older files are kept.', defaults.accessLog.keep),
    }),
  ]),
  'the path of a file, `stdout`, or a map of `file`, `only`, `sample`',
)

/** The value of `frontends.NAME.forwarded`. */
export const forwarded = z.strictObject({
  as: key(
    worded(
      z.enum(['x-forwarded', 'forwarded', 'both', 'none']),
      'one of `x-forwarded`, `forwarded`, `both` and `none`',
    ),
    'How servers are told who asks, how and for which host: `X-Forwarded-For`, `-Proto` and ' +
      '`-Host`, or `Forwarded` (RFC 7239).',
    defaults.forwarded.as,
  ),
  trust: key(
    z.array(network()).meta({
      errorMessage: 'expected a list of networks, such as `[10.0.0.0/8]`',
    }),
    'Whose word is taken for who asked them: proxies before this one, by network. What others ' +
      'say is not passed on. Without it, what comes is passed on with ours behind it.',
  ),
  via: key(
    z
      .string()
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
      .meta({ errorMessage: 'expected a name, such as `shop`' }),
    'The name to add to `Via`. Without it there is none: servers stop compressing when they ' +
      'see one.',
  ),
  request_id: key(
    z.boolean().meta({ errorMessage: 'expected `true` or `false`' }),
    'Each request gets an `X-Request-Id`, and its answer the same; one that a trusted source ' +
      'gave is kept.',
    defaults.forwarded.requestId,
  ),
})

/** The value of `frontends.NAME.tracing`. */
export const tracing = z.strictObject({
  sample: key(
    number(0, 1),
    'The share of the traces that begin here which is marked as sampled.',
    defaults.tracing.sample,
  ),
})

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
