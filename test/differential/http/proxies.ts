// The proxies that are compared, each with one lane (a port with a server of its own behind it) for
// every message that is under way at once.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../../bench/lib/ports.ts'
import { start, until } from '../../../bench/lib/processes.ts'
import type { Table } from '../../../src/balancing/model.ts'
import { ms } from '../../../src/foundation/time.ts'
import { serverRow, tableOf } from '../../support/edge-bed.ts'
import { EdgeProcesses } from '../../support/edge-processes.ts'

/** A proxy that listens. */
export interface RunningProxy extends AsyncDisposable {
  /** Where it listens, in the order of the servers behind. */
  readonly ports: readonly number[]
}

/** A proxy, by name. */
export interface Proxy {
  readonly name: 'ours' | 'haproxy' | 'nginx'
  /** Starts it before these servers, one lane each. */
  start(servers: readonly number[]): Promise<RunningProxy>
}

async function listening(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    await until(`port ${port} listens`, async () => {
      const socket = connect(port, '127.0.0.1')
      try {
        return await new Promise<boolean>((resolve) => {
          socket.once('connect', () => resolve(true))
          socket.once('error', () => resolve(false))
        })
      } finally {
        socket.destroy()
      }
    })
  }
}

function lanesTable(ports: readonly number[], servers: readonly number[]): Table {
  const [{ frontends, pools }] = [tableOf(1, [], {})]
  const [frontend, pool] = [frontends[0], pools[0]]
  if (frontend === undefined || pool === undefined) throw new Error('a table without a frontend')
  const route = { host: undefined, path: undefined, policy: 'roundrobin' } as const
  return {
    version: 1,
    frontends: ports.map((port, lane) => ({
      ...frontend,
      name: `lane${lane}`,
      binds: [{ host: '127.0.0.1', port }],
      routes: [{ ...route, pool: `pool${lane}` }],
      headTimeout: ms(60_000),
      idleTimeout: ms(60_000),
    })),
    pools: servers.map((port, lane) => ({
      ...pool,
      name: `pool${lane}`,
      responseTimeout: ms(60_000),
      servers: [serverRow(`server${lane}`, port)],
    })),
  }
}

const ours: Proxy = {
  name: 'ours',
  async start(servers) {
    const ports = await freePorts(servers.length)
    const processes = new EdgeProcesses()
    const edge = await processes.start(1, 'differential')
    edge.send({ kind: 'table', table: lanesTable(ports, servers) })
    await listening(ports)
    return { ports, [Symbol.asyncDispose]: () => processes[Symbol.asyncDispose]() }
  },
}

/** A program with a configuration file in a folder of its own. */
async function program(
  command: string,
  args: (file: string, folder: string) => readonly string[],
  text: (folder: string) => string,
  ports: readonly number[],
): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'alwayson-differential-'))
  const file = join(folder, 'configuration')
  writeFileSync(file, text(folder))
  const child = start(command, args(file, folder), { log: join(folder, 'log') })
  const end = async (): Promise<void> => {
    await child.stop('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await listening(ports)
  } catch (thrown) {
    await end()
    throw thrown
  }
  return { ports, [Symbol.asyncDispose]: end }
}

const haproxy: Proxy = {
  name: 'haproxy',
  async start(servers) {
    const ports = await freePorts(servers.length)
    const lanes = servers.map(
      (port, lane) =>
        `frontend f${lane}\n  bind 127.0.0.1:${ports[lane]}\n  default_backend b${lane}\n` +
        `backend b${lane}\n  http-reuse always\n  server s 127.0.0.1:${port}\n`,
    )
    const text =
      'global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  retries 0\n' +
      '  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n'
    return program(
      'haproxy',
      (file) => ['-db', '-f', file],
      () => `${text}${lanes.join('')}`,
      ports,
    )
  },
}

const nginx: Proxy = {
  name: 'nginx',
  async start(servers) {
    const ports = await freePorts(servers.length)
    const lanes = servers.map(
      (port, lane) =>
        `upstream u${lane} { server 127.0.0.1:${port} max_fails=0; keepalive 8; }\n` +
        `server { listen 127.0.0.1:${ports[lane]}; location / { proxy_pass http://u${lane}; } }\n`,
    )
    return program(
      'nginx',
      (file, folder) => ['-c', file, '-e', join(folder, 'error.log')],
      (folder) => `worker_processes 1; daemon off; pid ${folder}/nginx.pid;
error_log /dev/null crit; events { worker_connections 4096; }
http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
underscores_in_headers on; client_max_body_size 0; merge_slashes off; keepalive_requests 1000000;
proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
proxy_request_buffering off; proxy_next_upstream off; large_client_header_buffers 8 32k;
${lanes.join('')}}
`,
      ports,
    )
  },
}

/** Ours first. */
export const proxies: readonly Proxy[] = [ours, haproxy, nginx]
