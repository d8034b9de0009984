// `alwayson restart`: exchange a replica, or all of a service, for fresh ones of the same revision;
// of a database, start the servers anew.

import type { ServerStatus, ServiceStatus, Status } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import type { Milliseconds } from '../foundation/time.ts'
import { databaseSubject, restartDatabase } from './database-restart.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'
import { counted } from './view/words.ts'

/** What `restart` may be told. */
export interface RestartOptions {
  /** Of a database: only this one. */
  readonly member?: string
  /** Of a database: no more of it. */
  readonly stop?: boolean
  readonly wait: boolean
  readonly within: Milliseconds
}

/** What is to be exchanged: some replicas of one service, as they were before. */
export interface Exchange {
  readonly service: string
  readonly old: ReadonlySet<string>
}

/** Restarts, and waits until none of the old replicas is left and the fresh ones are up. */
export async function restart(
  ports: Ports,
  subject: string,
  { wait, within, ...options }: RestartOptions,
): Promise<ExitCode> {
  const status = await ports.agent.ask('/status', {}, ports.interrupted)
  const database = databaseSubject(status, subject, options.member)
  if (database !== undefined) {
    return restartDatabase(ports, database, { wait, within, ...options })
  }
  if (options.member !== undefined || options.stop === true) throw notOfServices(subject)
  const exchange = exchangeOf(status, subject)
  await ports.agent.ask('/restart', { subject }, ports.interrupted)
  if (wait) return settle(ports, (status) => judgeRestart(status, exchange), within)
  ports.out.write(`restarting ${subject}\n`)
  return exit.done
}

const notOfServices = (subject: string): Fault =>
  new Fault('not-found', `there is no database ${subject}`, {
    remedy: '--member and --stop are for databases: alwayson databases',
  })

/** What a restart of `subject` exchanges. */
export function exchangeOf(status: Status, subject: string): Exchange {
  const owner = status.services.find(
    ({ name, servers }) => name === subject || servers.some(({ id }) => id === subject),
  )
  const replicas = owner?.servers.filter(({ id }) => [id, owner.name].includes(subject)) ?? []
  return { service: owner?.name ?? subject, old: new Set(replicas.map(incarnation)) }
}

/** How far an exchange is. */
export function judgeRestart(status: Status, { service: name, old }: Exchange): Judgement {
  const service = status.services.find((each) => each.name === name)
  if (service === undefined) {
    return { kind: 'failed', line: `${name} is no longer in the file`, remedy: undefined }
  }
  const left = service.servers.filter((server) => old.has(incarnation(server)))
  const failing = failingOf(service, old)
  if (failing !== undefined) {
    return {
      kind: 'failed',
      line: `${failing.id}, a fresh one, does not come up: ${failing.reason}`,
      remedy: `read what it said: alwayson logs ${failing.id}`,
    }
  }
  const exchanged = `${old.size - left.length} of ${counted(old.size, 'replica')} exchanged`
  if (left.length === 0 && service.up >= service.wanted && service.rule === 'steady') {
    return { kind: 'done', line: `${name}: ${exchanged}, ${service.up} of ${service.wanted} up` }
  }
  return { kind: 'waiting', line: `${name}: ${exchanged} (${service.rule})` }
}

const failingOf = (
  { servers }: ServiceStatus,
  old: ReadonlySet<string>,
): ServerStatus | undefined =>
  servers.find((s) => s.process?.state === 'crash-looping' && !old.has(incarnation(s)))

/** The same name with another beginning is another replica. */
const incarnation = ({ id, process }: ServerStatus): string => `${id}/${process?.startedAt}`
