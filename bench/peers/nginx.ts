// nginx (open source), which has no runtime interface: an operator edits its file and reloads.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { statusOf } from '../lib/origins.ts'
import { freePorts } from '../lib/ports.ts'
import { until } from '../lib/processes.ts'
import type { Balancer, Peer, Setting } from './balancer.ts'
import { killsOf, supervise } from './supervised.ts'

/** How long an operator lets the old workers finish before the next step. */
const settle = 1000

function configuration(folder: string, port: number, servers: readonly string[]): string {
  return `worker_processes auto; daemon off; pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http { access_log off;
 upstream servers { ${servers.map((server) => `server ${server};`).join(' ')} }
 server { listen 127.0.0.1:${port}; location / { proxy_pass http://servers; } } }
`
}

async function startNginx(setting: Setting): Promise<Balancer> {
  const { folder, origins } = setting
  const [port = 0] = await freePorts(1)
  const file = join(folder, 'nginx.conf')
  const down = new Set<number>()
  let routed = setting.routed
  const write = (): void => {
    const servers = routed.map(
      (index) => `127.0.0.1:${origins.ports[index]}${down.has(index) ? ' down' : ''}`,
    )
    writeFileSync(file, configuration(folder, port, servers))
  }
  write()
  const args = ['-c', file, '-e', join(folder, 'error.log')]
  const server = supervise('nginx', args, join(folder, 'nginx.log'))
  await until('nginx answers', async () => (await statusOf(port)) === 200)
  const reload = async (): Promise<void> => {
    write()
    server.signal('SIGHUP')
  }
  const mark = (index: number, isDown: boolean): Promise<void> => {
    if (isDown) down.add(index)
    else down.delete(index)
    return reload()
  }
  return {
    port,
    pids: async () => server.pids(),
    drain: (index) => mark(index, true),
    undrain: (index) => mark(index, false),
    route(indices) {
      routed = indices
      return reload()
    },
    async deploy() {
      for (const index of routed) {
        await mark(index, true)
        await pause(settle)
        await origins.stop(index)
        await origins.start(index)
        await mark(index, false)
        await pause(settle)
      }
    },
    ...killsOf(server, port),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** As Debian ships it, with three servers in an upstream. */
export const nginx: Peer = { name: 'nginx', start: startNginx }
