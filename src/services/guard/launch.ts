// Which program, with which arguments and environment, and where? And if it cannot be started: why?

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import type { ProcessIdentity } from '../../control/processes.ts'
import { systemCode } from '../../foundation/fault.ts'
import type { GuardOrder } from './protocol.ts'

/** What is started. */
export interface Launch {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** The variable by which everything that a replica starts is recognised as its own. */
export const markOf = (guard: ProcessIdentity): string =>
  `ALWAYSON_GUARD=${guard.pid}.${guard.startTicks}`

/**
 * What an order asks to be started. `${port}`, `${host}` and `${replica}` are filled in, in
 * arguments and in the template's environment. What the file says wins over what we hand out,
 * and that over the environment underneath.
 */
export function launchOf(order: GuardOrder, guard: ProcessIdentity): Launch {
  const words: Readonly<Record<string, string>> = {
    port: String(order.port),
    host: order.host,
    replica: order.id,
  }
  const fill = (text: string): string =>
    text.replace(/\$\{(port|host|replica)\}/g, (_, word: string) => words[word] ?? '')
  const [program = '', ...args] = order.template.argv.map(fill)
  const told = Object.entries(order.template.env).map(([name, value]) => [name, fill(value)])
  const [mark = '', value = ''] = markOf(guard).split('=')
  return {
    program,
    args,
    cwd: order.template.cwd,
    env: {
      ...inherited(order.environment),
      PORT: String(order.port),
      HOST: order.host,
      ...Object.fromEntries(told),
      ALWAYSON_REPLICA: order.id,
      [mark]: value,
    },
  }
}

/** Our launcher's own compile cache is none of a replica's business; one that a user set is. */
function inherited(environment: GuardOrder['environment']): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE: cache, ...rest } = environment
  return cache?.endsWith(join('alwayson', 'compiled')) ? rest : environment
}

/** Why a launch cannot succeed, in words that name the thing; `undefined` if nothing is seen. */
export function obstacleOf(launch: Launch): string | undefined {
  const folder = obstacleAt(launch.cwd, 'folder')
  if (folder !== undefined) return `its working directory ${launch.cwd} ${folder}`
  if (launch.program.includes('/')) {
    const path = resolve(launch.cwd, launch.program)
    const program = obstacleAt(path, 'program')
    return program === undefined ? undefined : `the program ${path} ${program}`
  }
  const path = launch.env.PATH ?? ''
  const seen = path
    .split(delimiter)
    .map((place) => obstacleAt(resolve(launch.cwd, place, launch.program), 'program'))
  if (seen.includes(undefined)) return undefined
  const found = seen.find((obstacle) => obstacle !== missing)
  if (found !== undefined) return `the program ${launch.program}, found by PATH, ${found}`
  return `there is no program ${launch.program} in any folder of PATH (${path})`
}

const missing = 'does not exist'

function obstacleAt(path: string, kind: 'folder' | 'program'): string | undefined {
  try {
    if (statSync(path).isDirectory() !== (kind === 'folder')) {
      return kind === 'folder' ? 'is not a folder' : 'is a folder'
    }
    accessSync(path, constants.X_OK)
    return undefined
  } catch (thrown) {
    const code = systemCode(thrown)
    if (code === 'ENOENT' || code === 'ENOTDIR') return missing
    if (code === 'EACCES') return kind === 'folder' ? 'may not be entered' : 'is not executable'
    return `cannot be read (${code})`
  }
}

/** What the system's refusal to start a program means. */
export function describeRefusal(launch: Launch, code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return `the program ${launch.program} needs an interpreter that does not exist`
    case 'ENOEXEC':
      return `the program ${launch.program} is neither a binary for this machine nor has a #! line`
    case 'EACCES':
      return `the program ${launch.program} may not be executed`
    case 'E2BIG':
      return 'its arguments and environment are longer than the system allows'
    case 'EAGAIN':
      return 'the system allows this user no more processes (ulimit -u)'
    case 'ENOMEM':
      return 'the system has no memory left for another process'
    default:
      return `the system refuses to start ${launch.program} (${code ?? 'no reason given'})`
  }
}
