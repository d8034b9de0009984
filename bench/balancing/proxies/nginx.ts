// nginx as a reverse proxy that keeps connections to its servers, without a log.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../lib/ports.ts'
import { childrenOf, start } from '../../lib/processes.ts'
import type { ProxyKind, Setting } from '../load.ts'
import { answering, certificateOf } from './answering.ts'

/** Without a kept pool nginx connects anew each time, and `Upgrade` has to be passed on. */
const http = (listen: string, servers: string): string => `http { access_log off;
 keepalive_requests 100000000; keepalive_timeout 300s; client_max_body_size 0;
 map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
 upstream servers { ${servers} keepalive 128; keepalive_requests 100000000; }
 server { ${listen} location / { proxy_pass http://servers; proxy_http_version 1.1;
  proxy_set_header Connection $connection_upgrade; proxy_set_header Upgrade $http_upgrade;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_request_buffering off; proxy_read_timeout 300s; } } }
`

/** Debian has the module apart; this is where. */
const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'

function configuration(setting: Setting, folder: string, port: number, servers: string): string {
  const { cert, key } = certificateOf(folder)
  const plain = `listen 127.0.0.1:${port} backlog=4096;`
  const tls = `listen 127.0.0.1:${port} ssl http2 backlog=4096; ssl_certificate ${cert};
  ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m;`
  const start = `worker_processes ${setting.processes}; daemon off; pid ${folder}/nginx.pid;
error_log ${folder}/nginx.err; events { worker_connections 9500; }
`
  if (setting.front === 'tcp') {
    return `load_module ${streamModule};
${start}stream { upstream servers { ${servers} } server { ${plain} proxy_pass servers; } }
`
  }
  return start + http(setting.front === 'tls' ? tls : plain, servers)
}

export const nginx: ProxyKind = {
  name: 'nginx',
  can: (setting) => setting.front !== 'tcp',
  async start({ folder, origins }, setting) {
    const [port = 0] = await freePorts(1)
    const file = join(folder, 'nginx.conf')
    const servers = origins.map((each) => `server 127.0.0.1:${each};`).join(' ')
    writeFileSync(file, configuration(setting, folder, port, servers))
    const args = ['-c', file, '-e', join(folder, 'nginx.err')]
    const server = start('nginx', args, { log: join(folder, 'nginx.log') })
    await answering('nginx', port, setting)
    const pids = childrenOf(server.pid)
    return { port, pids, [Symbol.asyncDispose]: () => server.stop() }
  },
}
