// What every balancer under test needs: a certificate, and a wait until it answers.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { certificates } from '../../../test/engines/certificates.ts'
import { statusOf } from '../../lib/origins.ts'
import { until } from '../../lib/processes.ts'
import type { Setting } from '../load.ts'

/** Waits for the first 200. */
export async function answering(name: string, port: number, setting: Setting): Promise<void> {
  const ask = setting.front === 'tls' ? secureStatusOf : statusOf
  await until(`${name} answers`, async () => (await ask(port)) === 200)
}

const secureStatusOf = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false as const }
    get(options, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    }).on('error', () => resolve(undefined))
  })

/** Files in PEM: P-256, signed by an authority of our own. `both` is what HAProxy wants. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly both: string
}

/** Makes a certificate in `folder`, once. */
export function certificateOf(folder: string): CertificateFiles {
  const files = ['cert.pem', 'key.pem', 'both.pem'].map((name) => join(folder, name))
  const [cert = '', key = '', both = ''] = files
  if (!existsSync(both)) {
    certificates(folder)
    writeFileSync(both, `${readFileSync(cert, 'utf8')}${readFileSync(key, 'utf8')}`, {
      mode: 0o600,
    })
  }
  return { cert, key, both }
}
