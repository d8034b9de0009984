// How is the whole of it? The status as a page that is read at three in the morning: the verdict
// first, then what runs, with a reason under whatever is not well. Pure.

import type { ServerStatus, ServiceStatus, Status } from '../../agent/model.ts'
import { routingOf } from '../../balancing/engine.ts'
import { formatDuration, type Instant, type Milliseconds, since } from '../../foundation/time.ts'
import { clusterLines } from './cluster.ts'
import { databaseLines } from './databases.ts'
import { frontendLines, maintenanceNotes } from './frontends.ts'
import { type Rates, serverKey } from './rates.ts'
import type { Paint, Tone } from './style.ts'
import { type Cell, type Column, cell, type Row, tableLines } from './table.ts'
import { age, count, counted, wrap } from './words.ts'

/**
 * The lines of the page; they fit `width` as long as names are not longer than that. With `rates`
 * it also says how many requests a second there are.
 */
export function statusLines(
  status: Status,
  width: number,
  paint: Paint,
  rates?: Rates,
): readonly string[] {
  const { tone, text } = summary(status)
  const agent = `agent ${status.agent.pid}, version ${status.agent.version}`
  const since = `since ${ageOf(status.agent.since, status.now)}`
  return [
    `${paint('strong', status.name)}: ${paint(tone, text)}`,
    ...wrap(`${status.file}: ${agent}, ${since}`, width).map((line) => paint('faint', line)),
    '',
    ...(status.services.length === 0
      ? []
      : tableLines(serviceColumns(rates), rowsOf(status, rates), width, paint)),
    ...databaseLines(status, width, paint).slice(status.services.length === 0 ? 1 : 0),
    ...frontendLines(status, width, paint, rates),
    ...edgeLines(status, paint),
    ...clusterLines(status, width, paint),
    ...hintLines(status, paint),
  ]
}

/** Where something is not well: whom to ask what would help. */
function hintLines(status: Status, paint: Paint): readonly string[] {
  const lacking = status.services.find(({ up, wanted }) => up < wanted)
  const sick = status.databases?.find(({ standing }) => standing !== 'good')
  const worst =
    lacking?.servers.find(({ reason }) => reason !== '')?.id ?? lacking?.name ?? sick?.name
  return worst === undefined ? [] : ['', paint('faint', `what would help: alwayson why ${worst}`)]
}

/** One sentence for the whole. */
export function summary(status: Status): Cell {
  const lacking = status.services.filter((service) => service.up < service.wanted)
  const dark = lacking.filter(({ up }) => up === 0).map(({ name }) => name)
  if (dark.length > 0) return cell(`nothing of ${dark.join(', ')} is up`, 'bad')
  const databases = status.databases ?? []
  const headless = databases.filter(({ standing }) => standing === 'bad').map(({ name }) => name)
  if (headless.length > 0) return cell(`nobody leads ${headless.join(', ')}`, 'bad')
  const { routing, wanted } = routingOf(status.edges)
  if (routing === 0 && status.frontends.length > 0) return cell('no edge routes', 'bad')
  if (lacking.length > 0) {
    const parts = lacking.map(({ name, up, wanted }) => `${up} of ${wanted} of ${name}`)
    return cell(`only ${parts.join(', ')} up`, 'doubtful')
  }
  const weak = databases.filter(({ standing }) => standing === 'doubtful')
  if (weak.length > 0) {
    const parts = weak.map(({ name, members }) => {
      const well = members.filter(({ standing }) => standing === 'good').length
      return `${well} of ${members.length} members of ${name}`
    })
    return cell(`only ${parts.join(', ')} are well`, 'doubtful')
  }
  const backed = status.services.filter(({ rule }) => rule === 'on-backups')
  if (backed.length > 0) {
    return cell(`only backups of ${backed.map(({ name }) => name).join(', ')} up`, 'doubtful')
  }
  if (routing < wanted) {
    return cell(`only ${routing} of ${counted(wanted, 'edge')} route`, 'doubtful')
  }
  const busy = status.services.filter(({ deploying }) => deploying).map(({ name }) => name)
  if (busy.length > 0) return cell(`everything is up, ${busy.join(', ')} being deployed`, 'good')
  return cell('everything is up', 'good')
}

const serviceColumns = (rates: Rates | undefined): readonly Column[] => [
  { title: 'SERVICE', align: 'left', dropped: 0 },
  { title: 'STATE', align: 'left', dropped: 0 },
  { title: 'SINCE', align: 'right', dropped: 3 },
  { title: 'ACTIVE', align: 'right', dropped: 0 },
  ...(rates === undefined ? [] : [{ title: 'REQ/S', align: 'right', dropped: 4 } as const]),
  { title: 'REQS', align: 'right', dropped: 0 },
  { title: 'ERRS', align: 'right', dropped: 2 },
  { title: 'RESTARTS', align: 'right', dropped: 0 },
  { title: 'ADDRESS', align: 'left', dropped: 1 },
]

const rowsOf = (status: Status, rates: Rates | undefined): readonly Row[] =>
  status.services.flatMap((service) => serviceRows(service, status.now, rates))

const serviceRows = (
  service: ServiceStatus,
  now: Instant,
  rates: Rates | undefined,
): readonly Row[] => [
  {
    cells: [
      cell(service.name, 'strong'),
      cell(`${service.up} of ${service.wanted} up`, serviceTone(service)),
      cell(''),
      ...figures(service.servers, rates),
      cell(service.revision === undefined ? '' : `revision ${service.revision}`, 'faint'),
    ],
    notes: serviceNotes(service),
  },
  ...service.servers.map((server) => serverRow(server, now, rates)),
]

const serviceTone = ({ up, wanted, rule }: ServiceStatus): Tone => {
  if (up === 0 && wanted > 0) return 'bad'
  return up < wanted || rule === 'on-backups' ? 'doubtful' : 'good'
}

function serviceNotes(service: ServiceStatus): readonly Cell[] {
  const notes: Cell[] = [...maintenanceNotes(service)]
  if (service.deploying) notes.push(cell(`deploying revision ${service.revision}`, 'doubtful'))
  if (service.rolledBack !== undefined) {
    const { revision, why } = service.rolledBack
    notes.push(cell(`revision ${revision} was rolled back: ${why}`, 'bad'))
  }
  if (service.rule !== 'steady') notes.push(cell(`${service.rule}: ${service.why}`, 'faint'))
  if (service.recent !== undefined) {
    const { perSecond, half, most } = service.recent
    const each = perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond))
    const times = `half within ${exact(half)}, 99 of 100 within ${exact(most)}`
    notes.push(cell(`lately ${each} a second, ${times}`, 'faint'))
  }
  return notes
}

/** A short time in two figures: `0.42ms`, `3.1ms`, `42ms`, `1.2s`. */
const exact = (length: Milliseconds): string =>
  length < 10 ? `${Number(length.toPrecision(2))}ms` : formatDuration(length)

function serverRow(server: ServerStatus, now: Instant, rates: Rates | undefined): Row {
  const state = stateOf(server)
  const notes: Cell[] = []
  if (server.reason !== '') notes.push(cell(server.reason, state.tone))
  if (server.ejected !== undefined) notes.push(cell(`passed over: ${server.ejected}`, 'bad'))
  if (server.said !== undefined) notes.push(cell(server.said, 'doubtful'))
  if (server.drained) notes.push(cell('an operator drained it', 'doubtful'))
  return {
    cells: [
      cell(`  ${server.id}`),
      state,
      cell(server.since === 0 ? '' : ageOf(server.since, now)),
      ...figures([server], rates),
      cell(server.address.replace(/^127\.0\.0\.1:/, ':'), 'faint'),
    ],
    notes,
  }
}

/** The one word for a server, from its process, its health and what an operator said. */
export function stateOf(server: ServerStatus): Cell {
  switch (server.process?.state) {
    case 'crash-looping':
      return cell('crash loop', 'bad')
    case 'waiting':
      return cell('restarting', 'bad')
    case 'lost':
    case 'stopped':
      return cell(server.process.state, 'bad')
    case 'starting':
    case 'stopping':
      return cell(server.process.state, 'doubtful')
    case 'running':
    case undefined:
      break
  }
  if (server.verdict === 'down') return cell('down', 'bad')
  if (server.verdict === 'unknown') return cell('checking', 'doubtful')
  if (server.routed === 'draining') {
    return server.active === 0 ? cell('drained', 'doubtful') : cell('draining', 'doubtful')
  }
  return server.ejected === undefined ? cell('up', 'good') : cell('ejected', 'bad')
}

/** Active to restarts; the last is empty where something else runs them. */
function figures(servers: readonly ServerStatus[], rates: Rates | undefined): readonly Cell[] {
  const sum = (of: (server: ServerStatus) => number): number =>
    servers.reduce((total, server) => total + of(server), 0)
  const errors = sum(({ errors }) => errors)
  const restarts = sum(({ process }) => process?.restarts ?? 0)
  const run = servers.some(({ process }) => process !== undefined)
  const rate = sum(({ id }) => rates?.get(serverKey(id)) ?? 0)
  return [
    cell(count(sum(({ active }) => active))),
    ...(rates === undefined ? [] : [cell(count(Math.round(rate)))]),
    cell(count(sum(({ requests }) => requests))),
    cell(count(errors), errors > 0 ? 'doubtful' : 'plain'),
    run ? cell(count(restarts), restarts > 0 ? 'doubtful' : 'plain') : cell(''),
  ]
}

const edgeTones: Readonly<Record<string, Tone>> = { routing: 'good', stopping: 'faint' }

function edgeLines(status: Status, paint: Paint): readonly string[] {
  if (status.edges.length === 0) return []
  const said = status.edges.map(({ edge, pid, state }) =>
    paint(edgeTones[state] ?? 'bad', `${edge} ${state}`).concat(` (${pid})`),
  )
  return ['', `${paint('faint', 'EDGES')}  ${said.join(', ')}`]
}

const ageOf = (then: Instant, now: Instant): string => age(since(then, now))
