// The world as those see it who watch: for metrics, statistics and pages. Pure.

import { since } from '../foundation/time.ts'
import type { Server, Service } from '../spec/model.ts'
import { describeBalance } from '../spec/settle-balance.ts'
import {
  noPeak,
  type Peak,
  type Scene,
  type ServerScene,
  type ServiceScene,
} from '../telemetry/model.ts'
import type { FrontendStatus, ServerStatus, ServiceStatus } from './model.ts'
import { wordOn } from './said.ts'
import { statusOf, type Teller } from './status.ts'
import { frontendLimit, serversOf, type World } from './world.ts'

/** What was counted until now. */
export type Counted = Pick<Scene, 'totals' | 'before' | 'peaks' | 'events' | 'node'>

function limitOf(world: World, name: string): number {
  const frontend = world.spec.frontends[name]
  return frontend === undefined ? 0 : frontendLimit(world, frontend)
}

/** The scene at this moment. */
export function sceneOf(world: World, teller: Teller, counted: Counted): Scene {
  const status = statusOf(world, teller)
  return {
    name: status.name,
    version: teller.version,
    pid: teller.pid,
    since: teller.since,
    now: teller.now,
    edges: status.edges,
    frontends: status.frontends.map((frontend) => ({
      name: frontend.name,
      mode: frontend.mode,
      addresses: frontend.addresses,
      services: [...new Set(frontend.routes.flatMap(({ to }) => to ?? []))],
      maxConnections: limitOf(world, frontend.name),
      connections: frontend.traffic.connections,
      held: frontend.traffic.held,
    })),
    services: status.services.map((service) => serviceScene(world, service, status.frontends)),
    ...counted,
  }
}

function serviceScene(
  world: World,
  status: ServiceStatus,
  frontends: readonly FrontendStatus[],
): ServiceScene {
  const service = world.spec.services[status.name] as Service
  const rows = byId(serversOf(world, service))
  const written = service.kind === 'servers' ? byId(service.servers) : undefined
  const door = frontends.find(({ routes }) => routes.some(({ to }) => to === status.name))
  return {
    name: status.name,
    kind: status.kind,
    wanted: status.wanted,
    up: status.up,
    deploying: status.deploying,
    rolledBack: status.rolledBack !== undefined,
    revision: status.revision,
    balance: service.balance ? describeBalance(service.balance) : (door?.balance ?? 'random'),
    holdMost: service.hold.requests,
    waiting: world.edges.reduce(
      (sum, { report }) => sum + (report?.waiting?.[status.name] ?? 0),
      0,
    ),
    servers: status.servers.flatMap((server) => {
      const row = rows.get(server.id)
      if (row === undefined) return []
      return [serverScene(world, service, server, row, written?.get(server.id))]
    }),
  }
}

function serverScene(
  world: World,
  service: Service,
  server: ServerStatus,
  row: ReturnType<typeof serversOf>[number],
  written: Server | undefined,
): ServerScene {
  const health = world.health.get(server.id)
  const word = wordOn(world.state, server.id)
  const check = written?.check ?? service.check
  return {
    id: server.id,
    host: row.host,
    port: row.port,
    weight: row.weight,
    weightInFile: written?.weight ?? 1,
    backup: row.backup,
    maxConnections: word.maxConnections ?? written?.maxConnections ?? service.maxConnections,
    routed: server.routed,
    verdict: server.verdict,
    told: word.maintenance === true ? 'maint' : server.drained ? 'drain' : 'ready',
    since: server.since,
    check:
      check.kind === 'none' || health?.last === undefined
        ? undefined
        : {
            kind: check.kind === 'tcp' ? 'tcp' : 'http',
            passed: health.last.kind === 'passed',
            took: health.last.took,
            reason: health.last.kind === 'passed' ? '' : health.last.reason,
            rise: check.rise,
            fall: check.fall,
            passes: health.passes,
            failures: health.failures,
          },
    active: server.active,
    ejected: server.ejected,
    process: server.process,
  }
}

/** The peaks after one more look. `last` is the scene of the look before. */
export function peaksAfter(
  scene: Scene,
  last: Scene | undefined,
  rates: ReadonlyMap<string, { readonly rate: number; readonly asked: number }>,
): ReadonlyMap<string, Peak> {
  const passed = last === undefined ? 0 : since(last.now, scene.now)
  const peaks = new Map<string, Peak>()
  const note = (
    name: string,
    now: Omit<Peak, 'rate' | 'asked' | 'downs' | 'downFor'> & Down,
  ): void => {
    const before = scene.peaks.get(name) ?? noPeak
    const { rate = 0, asked = 0 } = rates.get(name) ?? {}
    peaks.set(name, {
      active: Math.max(before.active, now.active),
      rate: Math.max(before.rate, rate),
      asked: Math.max(before.asked, asked),
      waiting: Math.max(before.waiting, now.waiting),
      downs: before.downs + (now.isDown && now.wasUp ? 1 : 0),
      downFor: (before.downFor + (now.isDown ? passed : 0)) as Peak['downFor'],
      failedChecks: before.failedChecks + now.failedChecks,
      lastAt: rate > 0 ? scene.now : (before.lastAt ?? now.lastAt),
    })
  }
  const common = { waiting: 0, failedChecks: 0, lastAt: undefined, isDown: false, wasUp: false }
  for (const { name, connections } of scene.frontends) {
    note(`frontend ${name}`, { ...common, active: connections })
  }
  for (const service of scene.services) {
    const old = last?.services.find(({ name }) => name === service.name)
    const before = old && byId(old.servers)
    note(`service ${service.name}`, {
      ...common,
      active: service.servers.reduce((sum, { active }) => sum + active, 0),
      waiting: service.waiting,
      isDown: service.up === 0,
      wasUp: (old?.up ?? 0) > 0,
    })
    for (const server of service.servers) {
      const was = before?.get(server.id)
      const failures = (server.check?.failures ?? 0) - (was?.check?.failures ?? 0)
      note(`server ${server.id}`, {
        ...common,
        active: server.active,
        isDown: server.verdict === 'down',
        wasUp: was?.verdict === 'up',
        failedChecks: Math.max(0, failures),
      })
    }
  }
  return peaks
}

interface Down {
  readonly isDown: boolean
  readonly wasUp: boolean
}

/** There may be thousands: none is looked for among all others. */
const byId = <T extends { readonly id: string }>(all: readonly T[]): ReadonlyMap<string, T> =>
  new Map(all.map((one) => [one.id, one]))
