// Always On with its defaults and as many edges as asked for, by its command line.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCli } from '../../lib/cli.ts'
import { freePorts } from '../../lib/ports.ts'
import { treeOf } from '../../lib/processes.ts'
import type { ProxyKind, Setting } from '../load.ts'
import { answering, certificateOf } from './answering.ts'

function frontendOf(setting: Setting, port: number, folder: string): object {
  const common = { bind: `127.0.0.1:${port}`, to: 'web', timeouts: { idle: '300s' } }
  if (setting.front === 'tcp') return { ...common, mode: 'tcp' }
  if (setting.front === 'http') return common
  const { cert, key } = certificateOf(folder)
  return { ...common, tls: { certificates: [{ certificate: cert, key }] } }
}

export const alwaysOn: ProxyKind = {
  name: 'alwayson',
  can: () => true,
  async start({ folder, origins }, setting) {
    const [port = 0, metrics = 0] = await freePorts(2)
    const file = join(folder, 'alwayson.yaml')
    const spec = {
      name: 'bench',
      edges: setting.processes,
      metrics: `127.0.0.1:${metrics}`,
      services: { web: { servers: origins.map((each) => `127.0.0.1:${each}`), check: 'tcp' } },
      frontends: { public: frontendOf(setting, port, folder) },
    }
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(spec))
    const cli = openCli(file, join(folder, 'state'))
    await cli.say('up', '--detach')
    await answering('Always On', port, setting)
    const pids = (await cli.status()).edges.flatMap((edge) => treeOf(edge.pid))
    return { port, pids, metrics, [Symbol.asyncDispose]: () => cli.end() }
  },
}
