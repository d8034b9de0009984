// An authority for tests: Debian's pebble, whose names all lead to loopback.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCommand } from '../../scripts/machine.ts'
import { makePair } from '../support/certificates.ts'
import { until } from '../support/edge-bed.ts'
import { freePort } from '../support/edge-processes.ts'

/** Why there is no pebble here; `false` if there is one. */
export const pebbleMissing = (): string | false =>
  hasCommand('pebble') && hasCommand('pebble-challtestsrv') ? false : 'pebble is not installed'

/** A running authority. */
export interface Pebble extends AsyncDisposable {
  readonly directory: string
  /** The file of the certificate that vouches for the directory. */
  readonly ca: string
  stop(): Promise<void>
}

/** What the authority does. */
export interface PebbleWish {
  /** Where it asks for `http-01` and for `tls-alpn-01`. */
  readonly httpPort: number
  readonly tlsPort: number
  /** How long its certificates are good. */
  readonly validSeconds?: number
}

/** Starts an authority, and a name server for it; both end with what is returned. */
export async function openPebble(wish: PebbleWish): Promise<Pebble> {
  const folder = mkdtempSync(join(tmpdir(), 'ao-pebble-'))
  const file = (name: string): string => join(folder, name)
  const { certificate, key } = makePair(['127.0.0.1', 'localhost'])
  writeFileSync(file('cert.pem'), certificate)
  writeFileSync(file('key.pem'), key)
  const [port, management, dns, names] = await Promise.all([1, 2, 3, 4].map(() => freePort()))
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: file('cert.pem'),
    privateKey: file('key.pem'),
    httpPort: wish.httpPort,
    tlsPort: wish.tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
    certificateValidityPeriod: wish.validSeconds ?? 90 * 24 * 3600,
  }
  writeFileSync(file('pebble.json'), JSON.stringify({ pebble: settings }))
  const children = [
    start('pebble-challtestsrv', [
      ...['-defaultIPv6', '', '-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${names}`],
      ...['-http01', '', '-https01', '', '-tlsalpn01', ''],
    ]),
    start('pebble', ['-config', file('pebble.json'), '-dnsserver', `127.0.0.1:${dns}`]),
  ]
  const stop = async (): Promise<void> => {
    for (const { process: child } of children) child.kill('SIGKILL')
    await Promise.all(children.map(({ ended }) => ended))
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await listening(port as number)
  } catch (thrown) {
    await stop()
    throw new Error(`pebble did not start: ${children.map(({ said }) => said()).join('\n')}`, {
      cause: thrown,
    })
  }
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    ca: file('cert.pem'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

interface Started {
  readonly process: ChildProcess
  readonly ended: Promise<void>
  said(): string
}

function start(command: string, argv: readonly string[]): Started {
  // It asks at once, and refuses no good nonce for practice.
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' }
  const child = spawn(command, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said = (said + chunk).slice(-4000)
    })
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return { process: child, ended, said: () => said }
}

async function listening(port: number): Promise<void> {
  let isOpen = false
  const ask = (): void => {
    const socket = connect(port, '127.0.0.1', () => {
      isOpen = true
      socket.destroy()
    })
    socket.on('error', () => setTimeout(ask, 20))
  }
  ask()
  await until('the authority', () => isOpen)
}
