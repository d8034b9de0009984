// `alwayson deploy`: exchange the replicas of a service for fresh ones, without a missing answer.

import type { ServiceStatus, Status } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'

/** What `deploy` may be told. */
export interface DeployOptions {
  readonly wait: boolean
}

/** Deploys, and waits until the new revision runs or was rolled back, which throws a Fault. */
export async function deploy(
  ports: Ports,
  service: string,
  { wait }: DeployOptions,
): Promise<ExitCode> {
  await ports.agent.ask('/deploy', { service }, ports.interrupted)
  const begun = serviceIn(await ports.agent.ask('/status', {}, ports.interrupted), service)
  if (begun === undefined) throw new Fault('not-found', `${service} is no longer in the file`)
  // One that fails at once may have been rolled back before this look.
  const revision = begun.rolledBack?.revision ?? begun.revision ?? 0
  if (wait) return settle(ports, (status) => judgeDeploy(status, service, revision), undefined)
  ports.out.write(`deploying revision ${revision} of ${service}\n`)
  return exit.done
}

/** How far the deploy of `revision` is. */
export function judgeDeploy(status: Status, name: string, revision: number): Judgement {
  const service = serviceIn(status, name)
  const remedy = `read what it said: alwayson logs ${name}; then mend it and deploy again`
  if (service === undefined) {
    return { kind: 'failed', line: `${name} is no longer in the file`, remedy: undefined }
  }
  if (service.rolledBack?.revision === revision) {
    const { why } = service.rolledBack
    const line = `revision ${revision} of ${name} was rolled back: ${why}`
    return { kind: 'failed', line: `${line}; revision ${service.revision} stays`, remedy }
  }
  if (service.revision !== revision) {
    const line = `revision ${service.revision} of ${name} took the place of revision ${revision}`
    return { kind: 'failed', line, remedy: 'alwayson events shows who asked for it' }
  }
  if (service.rule === 'no-way-back') {
    return { kind: 'failed', line: `revision ${revision} of ${name}: ${service.why}`, remedy }
  }
  const fresh = service.servers.filter((s) => s.process?.revision === revision)
  const up = fresh.filter(({ routed }) => routed === 'up').length
  if (!service.deploying) {
    return {
      kind: 'done',
      line: `${name} runs revision ${revision}: ${up} of ${service.wanted} up`,
    }
  }
  const of = `${up} of ${service.wanted} up`
  return { kind: 'waiting', line: `revision ${revision} of ${name}: ${of} (${service.rule})` }
}

const serviceIn = (status: Status, name: string): ServiceStatus | undefined =>
  status.services.find((service) => service.name === name)
