// `alwayson init`: makes the keys of a cluster, one file for each machine, and says where they go.

import { dirname, join, relative, resolve } from 'node:path'
import type { Subject } from '../control/doors/certificates.ts'
import { type InitStep, initKeys } from '../control/doors/init.ts'
import { isClusterName } from '../control/doors/keys.ts'
import { Fault } from '../foundation/fault.ts'
import type { Spec } from '../spec/model.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'

/** How `init` is run. */
export interface InitCommand {
  /** `a=10.0.0.11,b=10.0.0.12`: instead of those of the file. */
  readonly machines?: string
  /** The folder of the keys. */
  readonly keys?: string
  readonly renew?: boolean
}

/** What the file says; undefined where there is none. */
export interface InitFile {
  readonly path: string
  readonly spec: Spec
}

/** Makes what is missing. */
export async function init(
  { out }: Ports,
  file: InitFile | undefined,
  options: InitCommand,
): Promise<ExitCode> {
  const machines = machinesOf(file, options)
  const folder = resolve(options.keys ?? join(dirname(file?.path ?? 'alwayson.yaml'), 'keys'))
  const cluster = file?.spec.name ?? 'alwayson'
  const renew = options.renew ?? false
  const steps = await initKeys({ folder, cluster, machines, renew, now: new Date() })
  const addresses = new Map(machines.map(({ name, hosts }) => [name, hosts[0] ?? name]))
  for (const step of steps) out.write(`${describe(step, addresses)}\n`)
  if (steps.some(({ machine, kind }) => machine !== undefined && kind !== 'kept')) {
    out.write(
      '\nGive each machine its own file, as alwayson.keys beside its alwayson.yaml, mode 0600:\n',
    )
    for (const { machine, path, kind } of steps) {
      if (machine === undefined || kind === 'kept') continue
      const host = addresses.get(machine) ?? machine
      const target = host.includes(':') ? `[${host}]` : host
      out.write(`  scp -p ${shown(path)} ${target}:alwayson.keys\n`)
    }
  }
  return exit.done
}

const shown = (path: string): string => {
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') ? path : fromHere
}

function describe(step: InitStep, addresses: ReadonlyMap<string, string>): string {
  const what =
    step.machine === undefined
      ? 'lets machines in: keep it away from them'
      : `of ${step.machine} at ${addresses.get(step.machine)}`
  const why = step.why === undefined ? '' : `: ${step.why}`
  return `${step.kind.padEnd(8)} ${shown(step.path)}  ${what}${why}`
}

function machinesOf(file: InitFile | undefined, { machines }: InitCommand): readonly Subject[] {
  if (machines !== undefined) return machines.split(',').map((text) => readMachine(text.trim()))
  const named = Object.values(file?.spec.machines ?? {})
  if (named.length > 0) return named.map(({ name, address }) => ({ name, hosts: [address] }))
  throw new Fault('bad-usage', 'there are no machines to make keys for', {
    remedy:
      'name them under `machines:` in the file, or with --machines a=10.0.0.11,b=10.0.0.12; ' +
      'one machine alone needs no keys',
  })
}

function readMachine(text: string): Subject {
  const [name = '', host] = text.split('=')
  if (isClusterName(name) && /^[A-Za-z0-9._:-]*$/.test(host ?? '')) {
    return { name, hosts: host === undefined || host === '' ? [] : [host] }
  }
  throw new Fault('bad-usage', `\`${text}\` names no machine`, {
    remedy: 'write a name and an address: --machines a=10.0.0.11,b=10.0.0.12',
  })
}
