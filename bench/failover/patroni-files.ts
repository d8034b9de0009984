// What Patroni, its members and HAProxy are configured by: the examples of its documentation, with
// the defaults as they are, or at the least that it recommends.

import { join } from 'node:path'
import type { Tuning } from './patroni.ts'

/** All that listens, on loopback. */
export interface Ports {
  readonly door: number
  readonly etcd: number
  readonly peer: number
  /** Of the agents' interfaces, and of the servers, in the order of the members. */
  readonly rest: readonly number[]
  readonly servers: readonly number[]
}

/** The file of one member, as JSON, which YAML is a superset of. */
export function patroniText(name: string, root: string, ports: Ports, tuning: Tuning): string {
  const at = Number(name.slice(2)) - 1
  const [rest, server] = [`127.0.0.1:${ports.rest[at]}`, `127.0.0.1:${ports.servers[at]}`]
  const timing =
    tuning === 'default'
      ? { ttl: 30, loop_wait: 10, retry_timeout: 10 }
      : { ttl: 20, loop_wait: 1, retry_timeout: 3 }
  return JSON.stringify({
    scope: 'ao',
    name,
    restapi: { listen: rest, connect_address: rest },
    etcd3: { host: `127.0.0.1:${ports.etcd}` },
    bootstrap: {
      dcs: {
        ...timing,
        maximum_lag_on_failover: 1_048_576,
        // As much as we promise: a row is acknowledged once another member has it.
        synchronous_mode: true,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters: { wal_log_hints: 'on' } },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'data-checksums'],
      pg_hba: ['host replication all 127.0.0.1/32 md5', 'host all all 127.0.0.1/32 md5'],
    },
    postgresql: {
      ...{ listen: server, connect_address: server },
      data_dir: join(root, name, 'data'),
      bin_dir: '/usr/lib/postgresql/15/bin',
      pgpass: join(root, name, 'pgpass'),
      parameters: { unix_socket_directories: join(root, name) },
      authentication: {
        replication: { username: 'replicator', password: 'replicator' },
        superuser: { username: 'postgres', password: 'postgres' },
        rewind: { username: 'rewinder', password: 'rewinder' },
      },
    },
    watchdog: { mode: 'off' },
  })
}

/** HAProxy in front, as in Patroni's own example; `tuned` looks more often. */
export function haproxyText({ door, rest, servers }: Ports, tuning: Tuning): string {
  const [wait, every] =
    tuning === 'default' ? ['4s', 'inter 3s fall 3 rise 2'] : ['1s', 'inter 500ms fall 2 rise 1']
  const lines = servers.map(
    (port, at) => `  server pg${at + 1} 127.0.0.1:${port} maxconn 100 check port ${rest[at]}`,
  )
  return `global
  maxconn 100
defaults
  mode tcp
  retries 2
  timeout client 30m
  timeout connect ${wait}
  timeout server 30m
  timeout check ${tuning === 'default' ? '5s' : '1s'}
listen ao
  bind 127.0.0.1:${door}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server ${every} on-marked-down shutdown-sessions
${lines.join('\n')}
`
}
