// Machines for tests: network namespaces on a switch of their own, each with an address, to be cut
// off, cut in one direction, and powered off. Everything is removed by its name.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { until } from '../engines/waiting.ts'

/** One machine. */
export interface TestMachine {
  readonly name: string
  readonly address: string
  /** What a command begins with that is to run on it. */
  readonly inside: readonly string[]
  /** Starts a program on it; its output goes to `log`. */
  spawn(argv: readonly string[], options: SpawnHere): ChildProcess
  /** Pulls the cable, or plugs it in. */
  plug(on: boolean): void
  /** Loses everything that comes from these addresses; what goes there passes. */
  deaf(from: readonly string[]): void
  /** Ends every process on it at once, as a power cut does. */
  powerOff(): Promise<void>
}

interface SpawnHere {
  readonly cwd: string
  readonly log: string
  readonly env?: Readonly<Record<string, string>>
}

/** Machines on one switch. */
export interface TestNetwork extends AsyncDisposable {
  readonly machines: readonly TestMachine[]
}

const run = (...argv: readonly string[]): string =>
  execFileSync(argv[0]!, argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Why there can be no namespaces here; false if there can. */
export function namespacesMissing(): string | false {
  if (process.getuid?.() !== 0) return 'only root makes network namespaces'
  const name = `ao${process.pid}try`
  try {
    run('ip', 'netns', 'add', name)
    run('ip', 'netns', 'exec', name, 'nft', 'add', 'table', 'inet', 'test')
    run('ip', 'netns', 'del', name)
    return false
  } catch (thrown) {
    return `network namespaces do not work here: ${String(thrown).split('\n')[0]}`
  }
}

let networks = 0

/** Opens machines of these names, with addresses from 10.66.0.11 on. */
export function openNetwork(names: readonly string[]): TestNetwork {
  networks += 1
  const prefix = `ao${process.pid}n${networks}`
  const hub = `${prefix}hub`
  const made: string[] = []
  const add = (name: string): void => {
    run('ip', 'netns', 'add', name)
    made.push(name)
    run('ip', '-n', name, 'link', 'set', 'lo', 'up')
  }
  const close = async (): Promise<void> => {
    for (const name of made) await killAll(name)
    for (const name of made.splice(0).toReversed()) run('ip', 'netns', 'del', name)
  }
  try {
    add(hub)
    run('ip', '-n', hub, 'link', 'add', 'switch', 'type', 'bridge')
    run('ip', '-n', hub, 'link', 'set', 'switch', 'up')
    const machines = names.map((name, at) => {
      const space = `${prefix}${name}`
      const address = `10.66.0.${11 + at}`
      const plug = `p${at}`
      add(space)
      run('ip', '-n', space, 'link', 'add', 'eth0', 'type', 'veth', 'peer', plug, 'netns', hub)
      run('ip', '-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      run('ip', '-n', space, 'link', 'set', 'eth0', 'up')
      run('ip', '-n', hub, 'link', 'set', plug, 'master', 'switch')
      run('ip', '-n', hub, 'link', 'set', plug, 'up')
      return machineOf(name, address, space, hub, plug)
    })
    return { machines, [Symbol.asyncDispose]: close }
  } catch (thrown) {
    void close()
    throw thrown
  }
}

function machineOf(
  name: string,
  address: string,
  space: string,
  hub: string,
  plug: string,
): TestMachine {
  const nft = (...argv: readonly string[]): string =>
    run('ip', 'netns', 'exec', space, 'nft', ...argv)
  const inside = ['ip', 'netns', 'exec', space]
  return {
    ...{ name, address, inside },
    spawn(argv, { cwd, log, env = {} }) {
      const out = openSync(log, 'a')
      return spawn('ip', ['netns', 'exec', space, ...argv], {
        ...{ cwd, stdio: ['ignore', out, out], env: { ...process.env, ...env } },
      })
    },
    plug(on) {
      run('ip', '-n', hub, 'link', 'set', plug, on ? 'up' : 'down')
    },
    deaf(from) {
      nft('add', 'table', 'inet', 'cut')
      nft('delete', 'table', 'inet', 'cut')
      if (from.length === 0) return
      nft('add', 'table', 'inet', 'cut')
      nft('add', 'chain', 'inet', 'cut', 'in', '{ type filter hook input priority 0; }')
      for (const one of from) nft('add', 'rule', 'inet', 'cut', 'in', 'ip', 'saddr', one, 'drop')
    },
    powerOff: () => killAll(space),
  }
}

const pidsIn = (space: string): readonly number[] =>
  run('ip', 'netns', 'pids', space)
    .split('\n')
    .filter((line) => line !== '')
    .map(Number)

async function killAll(space: string): Promise<void> {
  await until(`nothing runs in ${space}`, () => {
    const pids = pidsIn(space)
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (thrown) {
        // It ended by itself meanwhile.
        if ((thrown as { code?: string }).code !== 'ESRCH') throw thrown
      }
    }
    return pids.length === 0
  })
}
