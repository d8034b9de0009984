// The cluster of the soak: two releases of the project, one file, two services, and the verbs that
// its operator uses.

import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openCli, pidsOf, projectRoot } from '../../bench/lib/cli.ts'
import { freePorts } from '../../bench/lib/ports.ts'
import { signalPid, until } from '../../bench/lib/processes.ts'
import { ask } from '../../src/agent/client.ts'
import type { ServerStatus, Status } from '../../src/agent/model.ts'
import { statePaths } from '../../src/agent/paths.ts'
import { routingOf } from '../../src/balancing/engine.ts'

/** A supervisor starts an agent that died after this many ms, as systemd does by default. */
const restartAfter = 100

const replica = join(import.meta.dirname, 'replica.ts')

/** See the first line. */
export interface Stage {
  readonly port: number
  readonly state: string
  /** `undefined` while no agent answers. */
  status(): Promise<Status | undefined>
  verb(...args: readonly string[]): Promise<void>
  /** Writes the file with so many replicas of `web`, and applies it. */
  apply(replicas: number, note: string): Promise<void>
  /** Kills the agent with SIGKILL; it is started again, from the other release with `upgrade`. */
  killAgent(upgrade: boolean): Promise<void>
  /** Waits until every replica that is wanted is up, and both edges route. */
  steady(): Promise<Status>
  /** One server of a service that is up. */
  anyOf(service: string): Promise<ServerStatus>
  end(): Promise<void>
}

/** A copy of the project that says another version: what runs is not disturbed by later edits. */
function release(folder: string, name: string, version: string): string {
  const root = join(folder, name)
  mkdirSync(root)
  for (const part of ['bin', 'src', 'schema']) {
    cpSync(join(projectRoot, part), join(root, part), { recursive: true })
  }
  const text = readFileSync(join(projectRoot, 'package.json'), 'utf8')
  const declared = { ...(JSON.parse(text) as object), version }
  writeFileSync(join(root, 'package.json'), JSON.stringify(declared))
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'))
  cpSync(replica, join(root, 'replica.ts'))
  return root
}

function fileText(port: number, app: string, replicas: number, note: string): string {
  const run = [process.execPath, app]
  const service = { run, check: { http: '/', every: '1s' }, ready: '30s' }
  return JSON.stringify({
    name: 'soak',
    edges: 2,
    services: {
      web: { ...service, replicas, env: { NOTE: note } },
      api: { ...service, replicas: 2 },
    },
    frontends: {
      public: { bind: `127.0.0.1:${port}`, to: 'web', routes: [{ path: '/api', to: 'api' }] },
    },
  })
}

/** Starts it, in `folder`, which has to be empty. */
export async function openStage(folder: string): Promise<Stage> {
  const [port = 0] = await freePorts(1)
  const releases = [release(folder, 'one', '0.1.0-soak.1'), release(folder, 'two', '0.1.0-soak.2')]
  const file = join(folder, 'alwayson.yaml')
  const state = join(folder, 'state')
  const app = join(folder, 'one', 'replica.ts')
  const write = (replicas: number, note: string): void =>
    writeFileSync(file, fileText(port, app, replicas, note))
  const cliOf = (index: number) => openCli(file, state, { root: releases[index] as string })
  let current = 0
  write(3, 'first')
  const { socket } = statePaths(file, state)
  const status = async (): Promise<Status | undefined> => {
    try {
      return await ask(socket, '/status', {}, AbortSignal.timeout(2000))
    } catch {
      return undefined
    }
  }
  const isSteady = (seen: Status): boolean => {
    const { routing, wanted } = routingOf(seen.edges)
    const lacks = seen.services.some(({ up, wanted: most, deploying }) => up < most || deploying)
    return !lacks && routing === 2 && wanted === 2
  }
  const stage: Stage = {
    ...{ port, state, status },
    verb: async (...args) => void (await cliOf(current).say(...args)),
    async apply(replicas, note) {
      write(replicas, note)
      await stage.verb('apply')
    },
    async killAgent(upgrade) {
      const seen = await status()
      if (seen === undefined) throw new Error('there is no agent to kill')
      signalPid(seen.agent.pid, 'SIGKILL')
      await pause(restartAfter)
      if (upgrade) current = 1 - current
      await stage.verb('up', '--detach')
    },
    async steady() {
      let seen: Status | undefined
      await until(
        'everything is up',
        async () => {
          seen = await status()
          return seen !== undefined && isSteady(seen)
        },
        60_000,
      )
      return seen as Status
    },
    async anyOf(name) {
      const { services } = await stage.steady()
      const servers = services.find((service) => service.name === name)?.servers ?? []
      const well = servers.filter((server) => server.process?.pid !== undefined)
      const one = well[Math.floor(Math.random() * well.length)]
      if (one === undefined) throw new Error(`no replica of ${name} runs`)
      return one
    },
    async end() {
      const seen = await status()
      const pids = seen === undefined ? [] : pidsOf(seen)
      for (const pid of pids) signalPid(pid, 'SIGCONT')
      await cliOf(current).end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await stage.verb('up', '--detach')
    await stage.steady()
    return stage
  } catch (thrown) {
    await stage.end()
    throw thrown
  }
}
