// The files that simulated lives apply: like a real one, with shorter deadlines, so that a life of
// half a minute sees what takes a real service an hour.

import { ms } from '../foundation/time.ts'
import type { Check } from '../health/model.ts'
import type { Frontend, RunService, Spec } from '../spec/model.ts'

const check: Check = {
  ...{ kind: 'http', method: 'GET', path: '/health', host: undefined, expect: [[200, 399]] },
  ...{ every: ms(500), fast: ms(100), timeout: ms(250), rise: 2, fall: 2 },
}

/** A service of `replicas` that runs the simulated program of this name. */
export const simulatedService = (
  program: string,
  replicas: number,
  differs: Partial<RunService> = {},
): RunService => ({
  kind: 'run',
  name: 'web',
  check,
  balance: undefined,
  hold: { wait: ms(5000), requests: 200, bytes: 1_000_000 },
  connectTimeout: ms(250),
  responseTimeout: ms(1000),
  keptBodies: { each: 65_536, bytes: 1_000_000 },
  hedge: { after: undefined, share: 0.1, unsafe: false },
  maxConnections: undefined,
  argv: ['simulated', program],
  cwd: '/',
  replicas,
  env: {},
  secrets: [],
  stopSignal: 'SIGTERM',
  stopWithin: ms(500),
  readyWithin: ms(3000),
  drainWithin: ms(2000),
  restart: {
    backoff: { first: ms(50), factor: 2, most: ms(1000), jitter: 0.2 },
    wellAfter: ms(2000),
    loopAfter: 4,
  },
  logs: { size: 1_000_000, keep: 1 },
  ...differs,
})

/** The doors of simulated services: one each. */
export const doorPorts: ReadonlyMap<string, number> = new Map([
  ['web', 8080],
  ['api', 8081],
])

const doorOf = ({ name }: RunService): Frontend => ({
  ...{ name, mode: 'http', balance: { policy: 'random' }, routes: [], to: name, errorPages: {} },
  tls: undefined,
  redirect: undefined,
  binds: [{ host: '127.0.0.1', port: doorPorts.get(name) ?? 8082 }],
  ...{
    idleTimeout: ms(60_000),
    headTimeout: ms(10_000),
    tunnelTimeout: ms(60_000),
    halfClosedTimeout: ms(1000),
    maxConnections: 1000,
  },
})

/** A file with these services, each behind a door of its own. */
export const simulatedSpec = (services: readonly RunService[]): Spec => ({
  name: 'life',
  machines: {},
  coordination: { kind: 'embedded' },
  services: Object.fromEntries(services.map((service) => [service.name, service])),
  frontends: Object.fromEntries(services.map((service) => [service.name, doorOf(service)])),
  databases: {},
  edges: 2,
  written: {},
})
