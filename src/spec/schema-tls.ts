// How may TLS be written? Which certificates a frontend shows, and what it accepts from clients.

import * as z from 'zod'
import { defaults } from './defaults.ts'
import { key, requiredKey, worded } from './schema-values.ts'

const file = (): z.ZodString =>
  z.string().min(1).meta({
    'x-no-env': 'a path is shown in events and logs',
    errorMessage: 'expected the path of a file in PEM',
  })

const pair = z.strictObject({
  certificate: requiredKey(file(), 'The certificate, followed by those that lead to its issuer.'),
  key: key(file(), 'Its private key. Without it, the key is in the file of the certificate.'),
})

/** The value of `frontends.NAME.tls`. */
export const frontendTls = z
  .strictObject({
    certificates: requiredKey(
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
  .meta({ errorMessage: 'expected TLS with `certificates`' })
