// What an operator may ask of what runs, and what is refused and why. Each verb is the state after
// it, or a Fault. Pure.

import { Fault } from '../foundation/fault.ts'
import type { Instant } from '../foundation/time.ts'
import { wish } from '../services/state.ts'
import type { RunService } from '../spec/model.ts'
import type { AgentState, ServiceMemory } from './model.ts'
import { closable, isClosedByFile } from './routes.ts'
import { replicasOf, tableOf, type World } from './world.ts'

/** Exchanges every replica for one of a new revision; after a roll-back, of the one that failed. */
export function deploy(world: World, name: string, now: Instant): AgentState {
  const service = runService(world, name)
  const { state, templates } = memoryOf(world, service)
  const template = templates[state.rolledBack?.revision ?? state.revision]
  if (template === undefined) throw new Fault('refused', `${name} has not been started yet`)
  const next = wish(state, { kind: 'deploy' }, now)
  return withService(world, name, {
    state: next,
    templates: { ...templates, [next.revision]: template },
  })
}

/** Exchanges a replica, or all of a service, for fresh ones of the same revision. */
export function restart(world: World, subject: string, now: Instant): AgentState {
  const replica = world.replicas.find(({ id }) => id === subject)
  const service = runService(world, replica?.service ?? subject)
  const memory = memoryOf(world, service)
  const replicas = replica === undefined ? replicasOf(world, service.name) : [replica]
  const wished = { kind: 'replace', replicas: replicas.map(({ id }) => id) } as const
  return withService(world, service.name, { ...memory, state: wish(memory.state, wished, now) })
}

/** Sends nothing new to a server; refused for the last one that is up unless `force`. */
export function drain(world: World, server: string, force: boolean): AgentState {
  const pool = tableOf(world).pools.find(({ servers }) => servers.some(({ id }) => id === server))
  if (pool === undefined) throw noSuch(world, 'server', server)
  const others = pool.servers.filter(({ id, state }) => id !== server && state === 'up')
  if (others.length === 0 && !force) {
    throw new Fault('refused', `no other server of ${pool.name} is up`, {
      remedy: `wait for one, or let requests wait meanwhile: alwayson drain ${server} --force`,
    })
  }
  return { ...world.state, drained: [...new Set([...world.state.drained, server])] }
}

/** Lets a drained server take requests again. */
export function undrain(world: World, server: string): AgentState {
  const drained = world.state.drained.filter((id) => id !== server)
  if (drained.length < world.state.drained.length) return { ...world.state, drained }
  throw new Fault('not-found', `${server} is not drained`, {
    remedy: 'alwayson status shows what is',
  })
}

/**
 * Turns the requests of a frontend or a service away, or serves them again. To open what the file
 * does not close is to take back what was said: nothing is left that a later file would come up
 * against.
 */
export function maintain(world: World, subject: string, on: boolean): AgentState {
  const { key, isClosed } = closableCalled(world, subject)
  const { [key]: _, ...others } = world.state.maintenance ?? {}
  return { ...world.state, maintenance: on || isClosed ? { ...others, [key]: on } : others }
}

interface Called {
  readonly key: string
  /** By the file. */
  readonly isClosed: boolean
}

function closableCalled({ spec }: World, subject: string): Called {
  const called = (section: 'frontends' | 'services') =>
    Object.values(spec[section]).map((one): Called => {
      return { key: closable(section, one), isClosed: isClosedByFile(one) }
    })
  const all = [...called('frontends'), ...called('services')]
  const meant = all.filter(({ key }) => key === subject || key.endsWith(`.${subject}`))
  const [one] = meant
  if (meant.length === 1 && one !== undefined) return one
  if (one === undefined) {
    throw new Fault('not-found', `there is no frontend or service ${subject}`, {
      remedy: `alwayson status lists them all (${all.map(({ key }) => key).join(', ')})`,
    })
  }
  throw new Fault('refused', `${subject} is the name of a frontend and of a service`, {
    remedy: `write ${meant.map(({ key }) => key).join(' or ')}`,
  })
}

function withService(world: World, name: string, memory: ServiceMemory): AgentState {
  return { ...world.state, services: { ...world.state.services, [name]: memory } }
}

function memoryOf(world: World, service: RunService): ServiceMemory {
  const memory = world.state.services[service.name]
  if (memory === undefined) throw noSuch(world, 'service', service.name)
  return memory
}

function runService(world: World, name: string): RunService {
  const service = world.spec.services[name]
  if (service === undefined) throw noSuch(world, 'service or replica', name)
  if (service.kind === 'run') return service
  throw new Fault('unsupported', `something else runs ${name}: Always On only routes to it`, {
    remedy: 'give it a run: command, or use alwayson drain on one of its servers',
  })
}

function noSuch(world: World, kind: string, name: string): Fault {
  const known = Object.keys(world.spec.services).join(', ')
  return new Fault('not-found', `there is no ${kind} ${name}`, {
    remedy: `alwayson status lists them all (services: ${known})`,
  })
}
