// Always On as its README has it: a file, `alwayson up --detach`, and the verbs.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openCli, projectRoot } from '../lib/cli.ts'
import { listens, statusOf } from '../lib/origins.ts'
import { freePorts } from '../lib/ports.ts'
import { busiestOf, signalPid, treeOf, until } from '../lib/processes.ts'
import type { Balancer, Peer, Setting } from './balancer.ts'

/** A supervisor starts an agent that died after this many ms, as systemd does by default. */
const restartAfter = 100

const origin = join(projectRoot, 'bench', 'lib', 'origin.ts')

/** The file: defaults wherever there are any. */
function fileOf(setting: Setting, port: number, servers: readonly number[]): string {
  const { runsReplicas, origins, folder } = setting
  const service = runsReplicas
    ? {
        run: [process.execPath, origin],
        replicas: servers.length,
        env: { WORK: join(folder, 'posts') },
      }
    : { servers: servers.map((index) => `127.0.0.1:${origins.ports[index]}`) }
  return JSON.stringify(
    {
      name: 'bench',
      services: { web: { ...service, check: '/' } },
      frontends: { public: { bind: `127.0.0.1:${port}`, to: 'web' } },
    },
    null,
    2,
  )
}

async function startAlwaysOn(setting: Setting): Promise<Balancer> {
  const [port = 0] = await freePorts(1)
  const file = join(setting.folder, 'alwayson.yaml')
  // JSON is YAML.
  const write = (servers: readonly number[]): void =>
    writeFileSync(file, fileOf(setting, port, servers))
  write(setting.routed)
  const cli = openCli(file, join(setting.folder, 'state'))
  const up = (): Promise<string> => cli.say('up', '--detach')
  const serverId = (index: number): string => `web-${index + 1}`
  await up()
  await until('Always On answers', async () => (await statusOf(port)) === 200)
  await until('every server is up', async () => {
    const { services } = await cli.status()
    return services.every((service) => service.up === service.wanted)
  })
  return {
    port,
    async pids() {
      const status = await cli.status()
      return [status.agent.pid, ...status.edges.map((edge) => edge.pid)].flatMap(treeOf)
    },
    drain: async (index) => void (await cli.say('drain', serverId(index))),
    undrain: async (index) => void (await cli.say('undrain', serverId(index))),
    async route(indices) {
      write(indices)
      await cli.say('apply')
    },
    deploy: async () => void (await cli.say('deploy', 'web')),
    async killControl() {
      const { agent } = await cli.status()
      signalPid(agent.pid, 'SIGKILL')
      await pause(restartAfter)
      await up()
    },
    async killData() {
      const edge = busiestOf((await cli.status()).edges.map(({ pid }) => pid))
      if (edge === undefined) throw new Error('there is no edge')
      signalPid(edge, 'SIGKILL')
      await pause(200)
      await until('the frontend listens', () => listens(port))
    },
    [Symbol.asyncDispose]: () => cli.end(),
  }
}

/** Ours. */
export const alwaysOn: Peer = { name: 'alwayson', start: startAlwaysOn }
