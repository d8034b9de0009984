// How may TLS be written? Which certificates a frontend shows, and what it accepts from clients.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { count, host, key, requiredKey, worded } from './schema-values.ts'

const file = (): z.ZodString =>
  z.string().min(1).meta({
    'x-no-env': 'a path is shown in events and logs',
    errorMessage: 'expected the path of a file in PEM',
  })

const pair = z.strictObject({
  certificate: requiredKey(file(), 'The certificate, followed by those that lead to its issuer.'),
  key: key(file(), 'Its private key. Without it, the key is in the file of the certificate.'),
})

const acme = z.strictObject({
  directory: key(
    z
      .string()
      .regex(/^https:\/\/\S+$/)
      .meta({ errorMessage: 'expected an address that begins with `https://`' }),
    'The directory of the authority (RFC 8555). Without it Let’s Encrypt.',
    defaults.acme.directory,
  ),
  email: key(
    z
      .string()
      .regex(/^[^@\s]+@[^@\s]+$/)
      .meta({ errorMessage: 'expected an address such as `ops@shop.example`' }),
    'Whom the authority may write to.',
  ),
  agree_to_terms: requiredKey(
    worded(z.literal(true), '`true`'),
    'That you agree to the terms of the authority: it issues nothing without.',
  ),
  names: key(
    z.array(host()).min(1),
    'The names of the certificate. Without it, the hosts of the frontend’s routes.',
  ),
  challenge: key(
    worded(z.enum(['http-01', 'tls-alpn-01']), '`http-01` or `tls-alpn-01`'),
    'How names are shown to be yours: `http-01` is answered on any frontend without TLS, which ' +
      'the authority asks on port 80; `tls-alpn-01` on this one, which it asks on port 443.',
    defaults.acme.challenge,
  ),
  ca: key(file(), 'Certificates that vouch for the directory, if it is not a public one.'),
})

/** The value of `services.NAME.tls`. */
export const serviceTls = worded(
  z.union([
    z.literal(true),
    z.strictObject({
      verify: key(
        worded(z.boolean(), '`true` or `false`'),
        'Whether a server’s certificate has to bear its name, from an authority that is trusted.',
        defaults.serverTls.verify,
      ),
      ca: key(file(), 'The authorities that are trusted. Without it, the public ones.'),
      server_name: key(host(), 'The name that servers are asked for. Without it, their host.'),
    }),
  ]),
  '`true`, or the long form `{ ca: ./ca.pem, server_name: shop.internal }`',
)

/** The value of `frontends.NAME.redirect`. */
export const redirect = worded(
  z.union([
    z.literal('https'),
    z.strictObject({
      to: requiredKey(worded(z.literal('https'), '`https`'), 'What requests are sent to.'),
      status: key(
        worded(z.literal([301, 308]), '`301` or `308`'),
        '`308` keeps the method and the body, `301` is known to the oldest clients.',
        defaults.redirect.status,
      ),
      port: key(count(1, 65_535), 'The port that clients find it at.', defaults.redirect.port),
    }),
  ]),
  '`https`, or the long form `{ to: https, status: 308, port: 443 }`',
)

/** The value of `frontends.NAME.tls`. */
export const frontendTls = z
  .strictObject({
    certificates: key(
      z
        .array(
          worded(
            z.union([file(), pair]),
            'the path of a file with a certificate and its key, or ' +
              '`{ certificate: PATH, key: PATH }`',
          ),
        )
        .min(1),
      'Files in PEM. A client gets the one that bears the name it asks for, or else the first.',
    ),
    acme: key(acme, 'An authority issues a certificate for this frontend, and renews it in time.'),
    min_version: key(
      worded(z.enum(['TLSv1.2', 'TLSv1.3']), '`TLSv1.2` or `TLSv1.3`'),
      'The oldest version that a client may speak.',
      defaults.tls.min_version,
    ),
    alpn: key(
      z.array(z.string().min(1).max(255).meta({ errorMessage: 'expected a protocol' })).min(1),
      'In TCP mode: the protocols that clients may choose, the most wanted first, such as ' +
        '`[h2, http/1.1]`.',
    ),
  })
  .meta({ errorMessage: 'expected TLS with `certificates` or `acme`' })
