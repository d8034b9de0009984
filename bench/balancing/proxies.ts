// The balancers whose cost is compared, one process or worker each, in front of one origin.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCli } from '../lib/cli.ts'
import { statusOf } from '../lib/origins.ts'
import { freePorts } from '../lib/ports.ts'
import { childrenOf, start, treeOf, until } from '../lib/processes.ts'

/** Where the origin listens, and a folder for files. */
export interface Place {
  readonly folder: string
  readonly origins: readonly number[]
}

/** A balancer that runs. */
export interface OpenProxy extends AsyncDisposable {
  readonly port: number
  /** What its cost is counted in. */
  readonly pids: readonly number[]
}

/** A balancer that can be started. */
export interface ProxyKind {
  readonly name: string
  start(place: Place): Promise<OpenProxy>
}

async function answering(name: string, port: number): Promise<void> {
  await until(`${name} answers`, async () => (await statusOf(port)) === 200)
}

/** One nginx worker on two ports: 15 bytes at `/`, files beside it. */
export async function startOrigin(folder: string): Promise<Place & AsyncDisposable> {
  const [one = 0, two = 0] = await freePorts(2)
  const www = join(folder, 'www')
  mkdirSync(www)
  // Workers of nginx run as another user, who has to get there.
  chmodSync(folder, 0o755)
  writeFileSync(join(www, '16k'), Buffer.alloc(16 * 1024, 'x'))
  writeFileSync(join(www, '1m'), Buffer.alloc(1024 * 1024, 'x'))
  const file = join(folder, 'origin.conf')
  const listen = [one, two].map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(' ')
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${folder}/origin.pid; error_log ${folder}/origin.err;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 300s; sendfile on;
 server { ${listen} location = / { return 200 "hello from one\\n"; } location / { root ${www}; } } }
`,
  )
  const args = ['-c', file, '-e', join(folder, 'origin.err')]
  const server = start('nginx', args, { log: join(folder, 'origin.log') })
  await answering('the origin', one)
  return { folder, origins: [one, two], [Symbol.asyncDispose]: () => server.stop() }
}

const haproxy: ProxyKind = {
  name: 'haproxy',
  async start({ folder, origins }) {
    const [port = 0] = await freePorts(1)
    const file = join(folder, 'haproxy.cfg')
    const servers = origins.map((each, index) => `  server s${index} 127.0.0.1:${each} check`)
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 6000
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend http
  bind 127.0.0.1:${port} backlog 4096
  default_backend servers
backend servers
  balance roundrobin
${servers.join('\n')}
`,
    )
    const server = start('haproxy', ['-db', '-f', file], { log: join(folder, 'haproxy.log') })
    await answering('HAProxy', port)
    return { port, pids: [server.pid], [Symbol.asyncDispose]: () => server.stop() }
  },
}

const nginx: ProxyKind = {
  name: 'nginx',
  async start({ folder, origins }) {
    const [port = 0] = await freePorts(1)
    const file = join(folder, 'nginx.conf')
    const servers = origins.map((each) => `server 127.0.0.1:${each};`).join(' ')
    writeFileSync(
      file,
      `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 300s;
 upstream servers { ${servers} keepalive 128; keepalive_requests 100000000; }
 server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://servers;
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } } }
`,
    )
    const args = ['-c', file, '-e', join(folder, 'nginx.err')]
    const server = start('nginx', args, { log: join(folder, 'nginx.log') })
    await answering('nginx', port)
    const pids = childrenOf(server.pid)
    return { port, pids, [Symbol.asyncDispose]: () => server.stop() }
  },
}

/** Where the proxies from npm are installed, once for all runs. */
const npmFolder = join(tmpdir(), 'alwayson-bench-npm')

function fromNpm(name: string): ProxyKind {
  return {
    name,
    async start({ folder, origins }) {
      if (!existsSync(join(npmFolder, 'node_modules', name))) {
        mkdirSync(npmFolder, { recursive: true })
        const args = ['install', '--prefix', npmFolder, '--no-audit', '--no-fund', '--silent', name]
        execFileSync('npm', args, { stdio: 'inherit' })
      }
      const [port = 0] = await freePorts(1)
      const entry = join(import.meta.dirname, 'npm-proxy.ts')
      const args = [entry, npmFolder, name, String(port), ...origins.map(String)]
      const log = join(folder, `${name}.log`)
      const server = start(process.execPath, args, { log, env: { NODE_ENV: 'production' } })
      await answering(name, port)
      return { port, pids: [server.pid], [Symbol.asyncDispose]: () => server.stop() }
    },
  }
}

const alwaysOn: ProxyKind = {
  name: 'alwayson',
  async start({ folder, origins }) {
    const [port = 0] = await freePorts(1)
    const file = join(folder, 'alwayson.yaml')
    const spec = {
      name: 'bench',
      edges: 1,
      services: { web: { servers: origins.map((each) => `127.0.0.1:${each}`), check: '/' } },
      frontends: { public: { bind: `127.0.0.1:${port}`, to: 'web' } },
    }
    writeFileSync(file, JSON.stringify(spec))
    const cli = openCli(file, join(folder, 'state'))
    await cli.say('up', '--detach')
    await answering('Always On', port)
    const pids = (await cli.status()).edges.flatMap((edge) => treeOf(edge.pid))
    return { port, pids, [Symbol.asyncDispose]: () => cli.end() }
  },
}

/** Ours first, then the one that the ratios are to. */
export const proxies: readonly ProxyKind[] = [
  alwaysOn,
  haproxy,
  nginx,
  fromNpm('http-proxy'),
  fromNpm('fast-proxy'),
]
