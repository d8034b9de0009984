// Which figures does `/metrics` show, and under which names? OpenTelemetry's where it has one
// (semantic conventions for HTTP), `alwayson_…` for what is ours. Pure.

import { Histogram } from '../control/histogram.ts'
import { Exposition, type Labels } from './exposition.ts'
import type { FrontendScene, Scene, ServerScene, ServiceScene } from './model.ts'

/** The page of `/metrics`. */
export function metricsOf(scene: Scene): string {
  const page = new Exposition()
  traffic(page, scene)
  servers(page, scene)
  services(page, scene)
  agent(page, scene)
  return page.text
}

const frontendKeys: Readonly<Record<string, readonly [string, string]>> = {
  accepted: ['alwayson_frontend_connections_total', 'Client connections that were accepted.'],
  turnedAway: [
    'alwayson_frontend_connections_turned_away_total',
    'Client connections beyond max_connections.',
  ],
  requests: ['alwayson_frontend_requests_total', 'Requests, in TCP mode connections.'],
  held: ['alwayson_frontend_held_total', 'Requests that had to wait for a server.'],
  redispatched: ['alwayson_frontend_redispatched_total', 'Times a request went to another server.'],
  bytesIn: ['alwayson_frontend_received_bytes_total', 'Bytes that came from clients.'],
  bytesOut: ['alwayson_frontend_sent_bytes_total', 'Bytes that went to clients.'],
  logged: ['alwayson_access_log_lines_total', 'Lines of the access log that were written.'],
  logLost: ['alwayson_access_log_lost_total', 'Lines of the access log that were lost.'],
}

function traffic(page: Exposition, { totals, frontends }: Scene): void {
  page.histograms(
    'http_server_request_duration_seconds',
    'From the whole head of a request to the last byte of its answer. Status 0: no answer.',
    [...totals.requests.values()].map(({ frontend, service, method, status, time }) => [
      {
        alwayson_frontend: frontend,
        alwayson_service: service,
        http_request_method: method,
        http_response_status_code: status,
      },
      new Histogram().merge(time),
    ]),
  )
  for (const [key, [name, help]] of Object.entries(frontendKeys)) {
    page.family(
      name,
      'counter',
      help,
      [...totals.frontends].map(([frontend, counts]) => [
        { frontend },
        counts[key as keyof typeof counts] as number,
      ]),
    )
  }
  page.family(
    'alwayson_frontend_endings_total',
    'counter',
    'Requests, in TCP mode connections, by how they ended.',
    [...totals.frontends].flatMap(([frontend, { endings }]) =>
      Object.entries(endings).map(([ending, count]) => [{ frontend, ending }, count] as const),
    ),
  )
  const gauge = (name: string, help: string, of: (frontend: FrontendScene) => number): void =>
    page.family(
      name,
      'gauge',
      help,
      frontends.map((frontend) => [{ frontend: frontend.name }, of(frontend)]),
    )
  gauge('alwayson_frontend_connections', 'Client connections now.', (f) => f.connections)
  gauge('alwayson_frontend_held', 'Requests that wait for a server now.', (f) => f.held)
}

const serverKeys: Readonly<Record<string, readonly [string, string]>> = {
  requests: ['alwayson_server_requests_total', 'Requests that were given to a server.'],
  refused: ['alwayson_server_refused_total', 'Times a server could not be connected to.'],
  reset: ['alwayson_server_reset_total', 'Times a server broke off before its answer was whole.'],
  timedOut: ['alwayson_server_silent_total', 'Times a server said nothing for too long.'],
  errors: ['alwayson_server_errors_total', 'Answers of 500 and above.'],
  redispatched: ['alwayson_server_redispatched_total', 'Requests that left it for another server.'],
  clientAborts: ['alwayson_server_client_aborts_total', 'Requests whose client left meanwhile.'],
  reused: ['alwayson_server_reused_total', 'Requests sent over a connection that was there.'],
}

function servers(page: Exposition, { totals, services }: Scene): void {
  const all = services.flatMap((service) =>
    service.servers.map((server) => ({ labels: labelsOf(service, server), server })),
  )
  page.histograms(
    'http_client_request_duration_seconds',
    'From sending a request to a server to the last byte of its answer.',
    all.flatMap(({ labels, server }) => {
      const counts = totals.servers.get(server.id)
      const address = { server_address: server.host, server_port: server.port }
      return counts === undefined
        ? []
        : [[{ ...labels, ...address }, new Histogram().merge(counts.time)] as const]
    }),
  )
  for (const [name, key, help] of [
    ['alwayson_server_first_byte_seconds', 'firstByte', 'From sending to the first byte.'],
    ['alwayson_server_connect_seconds', 'connect', 'Connecting, where it was needed.'],
  ] as const) {
    page.histograms(
      name,
      help,
      all.flatMap(({ labels, server }) => {
        const counts = totals.servers.get(server.id)
        return counts === undefined ? [] : [[labels, new Histogram().merge(counts[key])] as const]
      }),
    )
  }
  for (const [key, [name, help]] of Object.entries(serverKeys)) {
    page.family(
      name,
      'counter',
      help,
      all.flatMap(({ labels, server }) => {
        const counts = totals.servers.get(server.id)
        return counts === undefined
          ? []
          : [[labels, counts[key as keyof typeof counts] as number] as const]
      }),
    )
  }
  const gauge = (name: string, help: string, of: (server: ServerScene) => number): void =>
    page.family(
      name,
      'gauge',
      help,
      all.map(({ labels, server }) => [labels, of(server)]),
    )
  gauge('alwayson_server_up', '1: it takes requests.', (s) => (s.routed === 'up' ? 1 : 0))
  gauge('alwayson_server_active', 'Requests on it now.', (s) => s.active)
  gauge('alwayson_server_weight', 'Its share beside its siblings.', (s) => s.weight)
  gauge('alwayson_server_ejected', '1: passed over because of what its requests met.', (s) =>
    s.ejected === undefined ? 0 : 1,
  )
  page.family(
    'alwayson_replica_restarts_total',
    'counter',
    'Times the process of a replica was started again.',
    all.flatMap(({ labels, server }) =>
      server.process === undefined ? [] : [[labels, server.process.restarts] as const],
    ),
  )
}

const labelsOf = (service: ServiceScene, server: ServerScene): Labels => ({
  service: service.name,
  server: server.id,
})

function services(page: Exposition, { totals, services: all }: Scene): void {
  page.histograms(
    'alwayson_service_hold_seconds',
    'How long requests waited, of those that had to.',
    [...totals.services].map(([service, { held }]) => [{ service }, new Histogram().merge(held)]),
  )
  page.family(
    'alwayson_service_over_budget_total',
    'counter',
    'Repeats that the budget did not bear.',
    [...totals.services].map(([service, { overBudget }]) => [{ service }, overBudget]),
  )
  page.family(
    'alwayson_service_ejections_total',
    'counter',
    'Servers passed over because of what their requests met.',
    [...totals.services].map(([service, { ejections }]) => [{ service }, ejections]),
  )
  const gauge = (name: string, help: string, of: (service: ServiceScene) => number): void =>
    page.family(
      name,
      'gauge',
      help,
      all.map((service) => [{ service: service.name }, of(service)]),
    )
  gauge('alwayson_service_servers_up', 'Servers that take requests.', (s) => s.up)
  gauge('alwayson_service_servers_wanted', 'Servers that should.', (s) => s.wanted)
  gauge('alwayson_service_deploying', '1: a revision is being deployed.', (s) =>
    Number(s.deploying),
  )
  gauge('alwayson_service_rolled_back', '1: the last deploy was.', (s) => Number(s.rolledBack))
  page.family(
    'alwayson_service_revision',
    'gauge',
    'The revision that is wanted.',
    all.flatMap(({ name, revision }) =>
      revision === undefined ? [] : [[{ service: name }, revision] as const],
    ),
  )
}

function agent(page: Exposition, scene: Scene): void {
  page.histograms('alwayson_edge_delay_seconds', 'How late the event loops of the edges were.', [
    [{}, new Histogram().merge(scene.totals.lateness)],
  ])
  page.family('alwayson_info', 'gauge', 'Always On, and which version of it.', [
    [{ name: scene.name, version: scene.version }, 1],
  ])
  page.family('alwayson_agent_start_time_seconds', 'gauge', 'When the agent began (Unix time).', [
    [{}, scene.since / 1000],
  ])
  const states = new Set(['routing', ...scene.edges.map(({ state }) => state)])
  page.family(
    'alwayson_edges',
    'gauge',
    'Processes of the data path, by what they are about.',
    [...states].map((state) => [
      { state },
      scene.edges.filter((edge) => edge.state === state).length,
    ]),
  )
  page.family(
    'alwayson_events_total',
    'counter',
    'Decisions and events in the journal since the agent began: deploys, restarts, ejections, …',
    [...scene.events].map(([event, count]) => {
      const [room = '', rule = ''] = event.split(' ')
      return [{ room, rule }, count] as const
    }),
  )
}
