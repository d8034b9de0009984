// Why is it as it is, and what would change it? Pure.

import { routingOf } from '../balancing/engine.ts'
import { Fault } from '../foundation/fault.ts'
import type { Explanation, FrontendStatus, ServerStatus, ServiceStatus, Status } from './model.ts'

/** Explains whatever has a name in `status`. */
export function explain(status: Status, subject: string): Explanation {
  const service = status.services.find(({ name }) => name === subject)
  if (service !== undefined) return { subject, ...whyService(service) }
  for (const owner of status.services) {
    const server = owner.servers.find(({ id }) => id === subject)
    if (server !== undefined) return { subject, ...whyServer(owner, server) }
  }
  const frontend = status.frontends.find(({ name }) => name === subject)
  if (frontend !== undefined) return { subject, ...whyFrontend(status, frontend) }
  for (const { name, reasons, members } of status.databases ?? []) {
    if (name === subject) return { subject, ...reasons }
    const member = members.find((each) => each.name === subject)
    if (member !== undefined) return { subject, ...member.reasons }
  }
  const all = [...status.services, ...status.frontends, ...(status.databases ?? [])]
  const names = all.map(({ name }) => name).join(', ')
  throw new Fault('not-found', `there is no ${subject} in ${status.file}`, {
    remedy: `name a service, a server, a frontend, a database or a member; there are ${names}`,
  })
}

type Reasons = Omit<Explanation, 'subject'>

function whyService(service: ServiceStatus): Reasons {
  const { name, rolledBack } = service
  const now = [
    `${service.up} of ${service.wanted} are up`,
    `${service.rule}: ${service.why}`,
    ...service.servers
      .filter(({ reason }) => reason !== '')
      .map(({ id, reason }) => `${id}: ${reason}`),
  ]
  const remedies = service.servers.flatMap((server) => whyServer(service, server).remedies)
  const closed = whyClosed(service)
  now.push(...closed.now)
  remedies.push(...closed.remedies)
  if (rolledBack !== undefined) {
    now.push(`revision ${rolledBack.revision} was rolled back: ${rolledBack.why}`)
    remedies.push(`mend what failed, then: alwayson deploy ${name}`)
  }
  return { now, remedies: [...new Set(remedies)] }
}

function whyClosed({
  name,
  closed,
  overruled,
}: Pick<ServiceStatus, 'name' | 'closed' | 'overruled'>): Reasons {
  if (closed === true) {
    const whose = overruled === undefined ? 'the file says so' : 'an operator said so'
    return {
      now: [`closed for maintenance: ${whose}, and its requests are answered 503`],
      remedies: [`alwayson maintenance off ${name}`],
    }
  }
  if (overruled === undefined) return { now: [], remedies: [] }
  return {
    now: ['open, although the file closes it for maintenance: an operator said so'],
    remedies: [`as the file says: alwayson maintenance on ${name}`],
  }
}

function whyServer(service: ServiceStatus, server: ServerStatus): Reasons {
  const now = [
    server.reason === '' ? `${server.id} is up and takes requests` : server.reason,
    `${server.active} in flight, ${server.requests} so far`,
  ]
  const remedies: string[] = []
  if (server.ejected !== undefined) now.push(`passed over for now: ${server.ejected}`)
  if (server.drained) {
    now.push('an operator drained it')
    remedies.push(`alwayson undrain ${server.id}`)
  }
  const state = server.process?.state
  if (state === 'crash-looping' || state === 'waiting') {
    remedies.push(`read what it said: alwayson logs ${server.id}`)
  } else if (state === 'running' && server.verdict === 'down') {
    remedies.push(`read what it says: alwayson logs ${server.id}`)
    remedies.push(`exchange it for a fresh one: alwayson restart ${server.id}`)
  } else if (service.kind === 'servers' && server.verdict === 'down') {
    remedies.push(`see to the server at ${server.address}: something else runs it`)
  }
  return { now, remedies }
}

function whyFrontend(status: Status, frontend: FrontendStatus): Reasons {
  const now = [`listens on ${frontend.addresses.join(', ')}`]
  const remedies: string[] = []
  for (const { host, path, to } of frontend.routes) {
    const service = status.services.find(({ name }) => name === to)
    const where = `${host ?? 'any host'}${path === undefined ? '' : ` ${path}`}`
    if (to === undefined) {
      now.push(`${where} is answered by a rule of the file`)
      continue
    }
    now.push(`${where} goes to ${to}: ${service?.up ?? 0} of ${service?.wanted ?? 0} are up`)
    if (service !== undefined && service.up === 0) remedies.push(`alwayson why ${to}`)
  }
  const closed = whyClosed(frontend)
  now.push(...closed.now)
  remedies.push(...closed.remedies)
  if (frontend.redirect !== undefined) now.push(`every request is sent to ${frontend.redirect}`)
  for (const { names, issuer, why, source, standing, problem } of frontend.certificates ?? []) {
    now.push(`shows ${names.join(', ')} by ${issuer}, from ${source}: ${why}`)
    if (problem !== '') now.push(`${source}: ${problem}`)
    if (problem !== '' || standing !== 'valid') {
      remedies.push(`put a good certificate in place of ${source}, then: alwayson apply`)
    }
  }
  if (frontend.traffic.held > 0) {
    now.push(`${frontend.traffic.held} requests wait until a server is available`)
  }
  const { routing, wanted } = routingOf(status.edges)
  now.push(`${routing} of ${wanted} edges route`)
  return { now, remedies: [...new Set(remedies)] }
}
