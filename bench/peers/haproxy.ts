// HAProxy, as tutorials configure it and as its manual lets it be tuned.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { statusOf } from '../lib/origins.ts'
import { freePorts } from '../lib/ports.ts'
import { until } from '../lib/processes.ts'
import type { Balancer, Peer, Setting } from './balancer.ts'
import { killsOf, supervise } from './supervised.ts'

const defaults = `
  timeout connect 5s
  timeout client 30s
  timeout server 30s`

const tunedDefaults = `
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout check 500ms
  retries 3
  option redispatch 1
  retry-on all-retryable-errors`

const tunedBackend = `
  option httpchk GET /
  default-server inter 500ms fall 2 rise 1 observe layer7 error-limit 10 on-error mark-down`

function configuration(
  tuned: boolean,
  port: number,
  socket: string,
  servers: readonly string[],
): string {
  return `global
  maxconn 8000
  stats socket ${socket} mode 600 level admin expose-fd listeners
defaults
  mode http${tuned ? tunedDefaults : defaults}
frontend http
  bind 127.0.0.1:${port}
  default_backend servers
backend servers
  balance roundrobin${tuned ? tunedBackend : ''}
${servers.join('\n')}
`
}

/** Says one line to the runtime socket and returns the answer. */
async function tell(socket: string, line: string): Promise<string> {
  const link = connect(socket).setEncoding('utf8')
  let answer = ''
  link.on('data', (chunk) => {
    answer += chunk
  })
  link.write(`${line}\n`)
  await once(link, 'close')
  return answer
}

async function startHaproxy(tuned: boolean, setting: Setting): Promise<Balancer> {
  const { folder, origins } = setting
  const [port = 0] = await freePorts(1)
  const file = join(folder, 'haproxy.cfg')
  const socket = join(folder, 'haproxy.sock')
  const write = (indices: readonly number[]): void => {
    const servers = indices.map((index) => `  server b${index + 1} ${address(index)} check`)
    writeFileSync(file, configuration(tuned, port, socket, servers))
  }
  const address = (index: number): string => `127.0.0.1:${origins.ports[index]}`
  const state = (index: number, word: string): Promise<string> =>
    tell(socket, `set server servers/b${index + 1} state ${word}`)
  /** Requests under way on a server: field 5, scur, of its line. */
  const active = async (index: number): Promise<number> => {
    const lines = (await tell(socket, 'show stat')).split('\n')
    return Number(lines.find((line) => line.startsWith(`servers,b${index + 1},`))?.split(',')[4])
  }
  write(setting.routed)
  const server = supervise('haproxy', ['-W', '-db', '-f', file], join(folder, 'haproxy.log'))
  await until('HAProxy answers', async () => (await statusOf(port)) === 200)
  return {
    port,
    pids: async () => server.pids(),
    drain: async (index) => void (await state(index, 'drain')),
    undrain: async (index) => void (await state(index, 'ready')),
    async route(indices) {
      write(indices)
      server.signal('SIGUSR2')
    },
    async deploy() {
      for (const index of setting.routed) {
        await state(index, 'drain')
        await until('the server is idle', async () => (await active(index)) === 0)
        await origins.stop(index)
        await origins.start(index)
        await state(index, 'ready')
      }
    },
    ...killsOf(server, port),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** `check` and nothing else: what the first page of a search shows. */
export const haproxyDefault: Peer = {
  name: 'haproxy-default',
  start: (setting) => startHaproxy(false, setting),
}

/** Fast checks, redispatch, retries on everything that may be repeated, and passive checks. */
export const haproxyTuned: Peer = {
  name: 'haproxy-tuned',
  start: (setting) => startHaproxy(true, setting),
}
