// Which known word did the writer mean? By meaning first, then by spelling.

import leven from 'leven'

/** What other tools call our keys. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  bind: ['listen', 'port', 'ports', 'address', 'addresses', 'listeners'],
  to: ['backend', 'default_backend', 'use_backend', 'target', 'service', 'upstream', 'proxy_pass'],
  servers: ['backends', 'targets', 'upstreams', 'hosts', 'endpoints', 'server', 'members'],
  at: ['address', 'addr', 'url', 'target', 'host'],
  run: ['command', 'cmd', 'exec', 'start', 'entrypoint', 'script'],
  replicas: ['instances', 'scale', 'count', 'copies', 'processes', 'workers'],
  check: [
    'healthcheck',
    'health_check',
    'health',
    'liveness',
    'readiness',
    'probe',
    'option_httpchk',
  ],
  env: ['environment', 'environ', 'variables', 'vars'],
  cwd: ['workdir', 'working_dir', 'working_directory', 'directory', 'dir', 'folder'],
  every: ['interval', 'inter', 'period'],
  fast: ['fastinter'],
  fall: ['retries', 'unhealthy', 'failure_threshold', 'max_fails'],
  rise: ['healthy', 'success_threshold', 'passes'],
  http: ['path', 'uri', 'url'],
  expect: ['status', 'statuses', 'codes', 'http_check_expect'],
  balance: ['algorithm', 'policy', 'lb', 'load_balancing', 'lb_policy', 'strategy'],
  max_connections: ['maxconn', 'max_conn', 'max_conns', 'maxconnections'],
  timeouts: ['timeout'],
  within: ['timeout', 'grace', 'stop_timeout', 'kill_timeout'],
  error_pages: ['errorfile', 'errorfiles', 'error_page', 'errors'],
  members: ['replicas', 'nodes', 'instances', 'count', 'servers'],
  quorum: ['sync', 'synchronous', 'semisync', 'semi_sync', 'strict'],
  postgresql: ['postgres', 'pg', 'psql', 'pgsql'],
  ask: ['manual', 'propose', 'semi_automatic'],
  observe: ['off', 'never', 'none', 'disabled'],
  databases: ['database', 'db', 'dbs', 'datastores'],
  machines: ['nodes', 'hosts', 'peers', 'members'],
  coordination: ['coordinator', 'cluster', 'consensus', 'dcs', 'zookeeper', 'etcd'],
  zone: ['az', 'region', 'rack', 'datacenter', 'dc', 'availability_zone'],
  edges: ['threads', 'workers', 'nbthread', 'nbproc', 'processes'],
  services: ['backends', 'backend', 'apps', 'upstreams', 'pools'],
  frontends: ['listeners', 'listen', 'entrypoints', 'proxies'],
  logs: ['logging', 'log'],
  path: ['prefix', 'path_prefix', 'path_beg', 'location'],
  host: ['domain', 'hostname', 'hosts', 'server_name'],
  roundrobin: ['rr', 'static-rr', 'round-robin', 'weighted'],
  leastconn: ['least_conn', 'least_connections', 'least_request'],
  random: ['p2c', 'random2', 'power_of_two'],
}

const plain = (word: string): string =>
  word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[\s-]+/g, '_')

/** Letters that only changed places (`wbe`) count as one slip, not as two. */
const distance = (a: string, b: string): number =>
  a.length === b.length && [...a].toSorted().join('') === [...b].toSorted().join('')
    ? Math.min(1, leven(a, b))
    : leven(a, b)

/** The known word that `word` most likely stands for; `undefined` if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const wanted = plain(word)
  if (wanted === '' || wanted.length > 64) return undefined
  const same = known.find((candidate) => plain(candidate) === wanted)
  if (same !== undefined) return same
  const meant = known.find((candidate) => synonyms[candidate]?.includes(wanted))
  if (meant !== undefined) return meant
  const most = wanted.length <= 3 ? 1 : wanted.length <= 5 ? 2 : 3
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(wanted, plain(candidate)) }))
    .filter(({ candidate, distance }) => distance <= most && distance < candidate.length)
    .toSorted((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
  const near = ranked[0]?.candidate
  if (near !== undefined) return near
  return wanted.length < 3
    ? undefined
    : known.find(
        (candidate) =>
          plain(candidate).endsWith(wanted) ||
          (wanted.endsWith(plain(candidate)) && candidate.length > 3),
      )
}

/** A remedy that names the nearest known word, or all of them if they are few. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known)
  if (near !== undefined) return `did you mean \`${near}\`?`
  if (known.length === 0 || known.length > 16) return undefined
  return `known here: ${known.map((one) => `\`${one}\``).join(', ')}`
}
