// `alwayson coordinator`: the embedded server alone, as a ZooKeeper for development and tests. It
// lasts until Ctrl-C.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type CoordinatorOptions,
  keepSmall,
  runCoordinator,
} from '../coordination/embedded/coordinator.ts'
import { Fault } from '../foundation/fault.ts'
import { readBind, readSize } from '../spec/values.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'

/** How `coordinator` is run. */
export interface CoordinatorCommand {
  readonly bind: string
  readonly data: string
  readonly memory: string
  readonly node: string
  readonly connections: number
  readonly sessions: number
  /** Lists of words and file names; all words, and no TLS, unless given. */
  readonly words?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
}

/** Runs the server until it is interrupted, or has to stop. */
export async function coordinator(ports: Ports, command: CoordinatorCommand): Promise<ExitCode> {
  const { out, err, interrupted } = ports
  const { host, port } = addressOf(command.bind)
  const folder = resolve(command.data)
  const tls = tlsOf(command)
  if (!isLoopback(host) && tls?.ca === undefined) {
    err.write(
      `alwayson: anybody who reaches ${command.bind} can read and change what has no ACL; ` +
        '--tls-ca asks for certificates\n',
    )
  }
  const options: CoordinatorOptions = {
    folder,
    host,
    port,
    limits: {
      treeBytesMost: sizeOf(command.memory, '--memory'),
      nodeBytesMost: sizeOf(command.node, '--node'),
      connectionsMost: command.connections,
      sessionsMost: command.sessions,
    },
    ...(command.words === undefined ? {} : { words: command.words.split(',') }),
    ...(tls === undefined ? {} : { tls }),
    say: (line) => void out.write(`${line}\n`),
  }
  out.write(`data in ${folder}\n`)
  keepSmall()
  await runCoordinator(options, interrupted)
  return exit.done
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const reading = readBind(text)
  if (reading.ok) return reading.value
  throw new Fault('bad-usage', `\`${text}\` is no address to listen on`, {
    remedy: reading.remedy ?? 'write an address and a port, such as 127.0.0.1:2181',
  })
}

function sizeOf(text: string, option: string): number {
  const reading = readSize(text)
  if (reading.ok) return reading.value
  throw new Fault('bad-usage', `\`${text}\` is no size for ${option}`, {
    remedy: reading.remedy ?? 'write it such as 64MiB',
  })
}

const isLoopback = (host: string): boolean => host === '::1' || host.startsWith('127.')

function tlsOf({ tlsCert, tlsKey, tlsCa }: CoordinatorCommand): CoordinatorOptions['tls'] {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new Fault('bad-usage', 'TLS needs a certificate and its key', {
      remedy: 'name both: --tls-cert FILE --tls-key FILE',
    })
  }
  const [cert, key] = [pemIn(tlsCert), pemIn(tlsKey)]
  return tlsCa === undefined ? { cert, key } : { cert, key, ca: pemIn(tlsCa) }
}

function pemIn(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault('not-found', `cannot read ${path}`, { cause })
  }
}
