// HAProxy as a reverse proxy that adds X-Forwarded-For, without a log.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../lib/ports.ts'
import { start } from '../../lib/processes.ts'
import type { ProxyKind, Setting } from '../load.ts'
import { answering, certificateOf } from './answering.ts'

function configuration(
  setting: Setting,
  port: number,
  servers: readonly string[],
  pem: string,
  reuses: boolean,
): string {
  const tls = setting.front === 'tls' ? ` ssl crt ${pem} alpn h2,http/1.1` : ''
  const mode = setting.front === 'tcp' ? 'mode tcp' : 'mode http\n  option forwardfor'
  return `global
  nbthread ${setting.processes}
  maxconn 9500
defaults
  ${mode}
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout tunnel 300s
frontend front
  bind 127.0.0.1:${port} backlog 4096${tls}
  default_backend servers
backend servers
  balance roundrobin${reuses ? '\n  http-reuse always' : ''}
${servers.join('\n')}
`
}

const haproxyThat = (reuses: boolean): Pick<ProxyKind, 'start'> => ({
  async start({ folder, origins }, setting) {
    const [port = 0] = await freePorts(1)
    const file = join(folder, 'haproxy.cfg')
    const servers = origins.map((each, index) => `  server s${index} 127.0.0.1:${each} check`)
    const { both } = certificateOf(folder)
    writeFileSync(file, configuration(setting, port, servers, both, reuses))
    const server = start('haproxy', ['-db', '-f', file], { log: join(folder, 'haproxy.log') })
    await answering('HAProxy', port, setting)
    return { port, pids: [server.pid], [Symbol.asyncDispose]: () => server.stop() }
  },
})

export const haproxy: ProxyKind = { name: 'haproxy', can: () => true, ...haproxyThat(false) }

/**
 * By default the first request of a client never goes over a connection that served another client;
 * ours and nginx do that, so this is the one that does the same work for new connections.
 */
export const haproxyReusing: ProxyKind = {
  name: 'haproxy-reuse',
  onlyFor: ['close'],
  can: ({ front, processes, origin }) => front === 'http' && processes === 1 && origin === 'nginx',
  ...haproxyThat(true),
}
