// How may a route be written? What it asks of a request, where the request goes, and what is done
// to it on the way.

import * as z from 'zod'
import {
  count,
  fieldValue,
  headerName,
  host,
  key,
  path,
  percent,
  requiredKey,
  size,
  worded,
} from './schema-values.ts'

export const serviceName = z
  .string()
  .min(1)
  .meta({ errorMessage: 'expected the name of a service' })

const yes = (): z.ZodBoolean => worded(z.boolean(), '`true` or `false`')

/** Fields of a request or of an answer that are set or taken away. */
const fieldEdit = z.strictObject({
  set: key(
    z.record(headerName(), fieldValue()),
    'Fields by name; what was there under the name goes. Of a request, `{client}` and `{host}` ' +
      'in a value stand for its own.',
  ),
  remove: key(z.array(headerName()), 'Names of fields that are not passed on.'),
})

/** What a frontend may say for all of its routes, and a route for itself. */
export const forRequests = {
  request_headers: key(fieldEdit, 'Header fields of requests, on their way to a server.'),
  response_headers: key(fieldEdit, 'Header fields of answers of servers, on their way back.'),
  max_body: key(size(), 'The longest body of a request; more is answered 413.'),
}

const redirect = worded(
  z.union([
    z.literal('https'),
    z.string().regex(/^https?:\/\/[^\s]+$/),
    z.strictObject({
      to: key(
        z
          .string()
          .regex(/^(https?:\/\/|\/)[!-~]*$/)
          .meta({
            errorMessage: 'expected a URL, such as `https://shop.example/new`, or a path',
          }),
        'The URL or path, exactly.',
      ),
      under: key(
        z
          .string()
          .regex(/^(https?:\/\/|\/)[!-~]*$/)
          .meta({
            errorMessage: 'expected a URL, such as `https://new.example`, or a path',
          }),
        'A URL or path that the request’s own path and query follow.',
      ),
      scheme: key(
        worded(z.enum(['https', 'http']), '`https` or `http`'),
        'The same host, path and query by the other scheme.',
      ),
      code: key(
        worded(
          z.union([301, 302, 303, 307, 308].map((one) => z.literal(one))),
          'one of 301, 302, 303, 307 and 308',
        ),
        'The status of the answer.',
        308,
      ),
    }),
  ]),
  '`https`, a URL, or the long form `{ under: "https://new.example", code: 301 }`',
)

const canary = z.strictObject({
  to: requiredKey(serviceName, 'The service that gets a part of the requests.'),
  share: requiredKey(percent(), 'Which part, such as `5%`; `0%` is none.'),
  header: key(
    z.record(headerName(), fieldValue()),
    'A field and its value, such as `{ X-Canary: always }`: a request with it always goes there.',
  ),
  cookie: key(
    headerName(),
    'Clients are placed by this cookie, not by address, and stay where they are.',
  ),
})

/** One of `frontends.NAME.routes`. */
export const route = z
  .strictObject({
    host: key(
      host(),
      'The host asked for; `*.shop.example` takes every name below it. Without it, any host.',
    ),
    path: key(
      path(),
      'A prefix of whole segments: `/old` takes `/old` and `/old/x`, not `/older`. Without it, ' +
        'any path.',
    ),
    exact: key(yes(), 'Only `path` itself, and nothing below it.', false),
    path_end: key(
      worded(z.array(z.string().regex(/^[!"$-)+->@-~]+$/)).min(1), 'a list such as `[.jpg, .png]`'),
      'How the path may end.',
    ),
    methods: key(
      z
        .array(z.string().regex(/^[A-Z][A-Z0-9_-]{0,31}$/))
        .min(1)
        .meta({ errorMessage: 'expected a list of methods, such as `[GET, HEAD]`' }),
      'The methods it takes. Without it, any.',
    ),
    headers: key(
      z.record(headerName(), worded(z.union([z.boolean(), fieldValue()]), 'a value, or `true`')),
      'Header fields that a request must have: `X-Beta: "1"`, `Accept: "text/*"`, `*.jpg`; ' +
        '`true` is any value, `false` is none.',
    ),
    to: key(serviceName, 'The service that takes it.'),
    redirect: key(redirect, 'Answered with a redirect instead; `https` is the same by TLS.'),
    refuse: key(count(400, 599), 'Answered with this status instead, such as 403.'),
    strip_prefix: key(
      worded(z.union([z.boolean(), path()]), '`true`, or a path such as `/api`'),
      'Taken from the beginning of the path, for the server; `true` is `path`.',
    ),
    add_prefix: key(path(), 'Put before the path, for the server.'),
    canary: key(canary, 'A second service that gets a part of the requests.'),
    ...forRequests,
  })
  .meta({ errorMessage: 'expected a route with `to`, `redirect` or `refuse`' })
