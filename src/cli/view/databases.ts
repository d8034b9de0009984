// How are the databases? Who is primary, how far the others are behind, and what went before. Pure.

import type { Status } from '../../agent/model.ts'
import type { Encryption } from '../../databases/model.ts'
import type { DatabaseOverview, DatabaseWork, MemberOverview } from '../../databases/overview.ts'
import { shareOf } from '../../databases/reasons.ts'
import { formatDuration, type Instant, since } from '../../foundation/time.ts'
import type { Paint } from './style.ts'
import { type Cell, type Column, cell, type Row, tableLines } from './table.ts'
import { age, count, wrap } from './words.ts'

/** How long what has ended stands in the status. */
const newsFor = 300_000

const columns: readonly Column[] = [
  { title: 'DATABASE', align: 'left', dropped: 0 },
  { title: 'STATE', align: 'left', dropped: 0 },
  { title: 'LAG', align: 'right', dropped: 0 },
  { title: 'BEHIND', align: 'right', dropped: 0 },
  { title: 'CLIENTS', align: 'right', dropped: 3 },
  { title: 'MACHINE', align: 'left', dropped: 2 },
  { title: 'ADDRESS', align: 'left', dropped: 1 },
]

/** The table of the databases; nothing where the file has none. */
export function databaseLines(status: Status, width: number, paint: Paint): readonly string[] {
  const { databases = [], now } = status
  if (databases.length === 0) return []
  const rows = databases.flatMap((database) => [
    headRow(database, now),
    ...database.members.map((member) => memberRow(member, database)),
  ])
  return ['', ...tableLines(columns, rows, width, paint)]
}

const encryptionWords: Readonly<Record<Encryption, string>> = {
  plain: 'in the clear',
  offered: 'in the clear; servers offer TLS',
  spoken: 'under TLS; servers let others in as well',
  required: 'under TLS alone, with certificates of the cluster',
}

/** What there is beside the table: who acknowledges, proofs, bounds, backups. */
export function databaseStory(
  database: DatabaseOverview,
  now: Instant,
  width: number,
  paint: Paint,
): readonly string[] {
  const { name, bounds, proofs, app } = database
  const lines: readonly (readonly [string, string])[] = [
    ['engine', `${database.engine}, durability ${database.durability}, failover ${database.mode}`],
    ['write to', database.write],
    ...(database.read === undefined ? [] : [['read from', database.read] as const]),
    ['application', `user ${app.user}, database ${app.database}; alwayson url ${name} prints all`],
    ...(database.encryption === undefined
      ? []
      : [['encryption', encryptionWords[database.encryption]] as const]),
    ['acknowledged by', database.acks.join(', then ') || 'nobody'],
    [
      'clients wait',
      `at most ${formatDuration(bounds['server-died'])} when a server dies, ` +
        `${formatDuration(bounds['machine-lost'])} when a machine is lost or hangs`,
    ],
    ['backups', backupsOf(database, now)],
    ...proofs.slice(0, 5).map(({ epoch, at, from, to, why, says }) => {
      const who = from === to ? to : `${from ?? 'nobody'} to ${to}`
      const change = `${who}, ${age(since(at, now))} ago: ${why}; ${says}`
      return [`epoch ${epoch}`, change] as const
    }),
  ]
  const wide = Math.max(...lines.map(([title]) => title.length))
  return [
    '',
    paint('strong', name),
    ...lines.flatMap(([title, text]) => {
      const [first = '', ...more] = wrap(text, width - wide - 4)
      const space = ' '.repeat(wide - title.length)
      return [
        `  ${paint('faint', title)}${space}  ${first}`,
        ...more.map((line) => `${' '.repeat(wide + 4)}${line}`),
      ]
    }),
  ]
}

/** `BEHIND` counts what positions count. */
const amount = (behind: number | undefined, { unit }: DatabaseOverview): string =>
  behind === undefined ? '' : `${count(behind)} ${unit === 'bytes' ? 'B' : 'tx'}`

function headRow(database: DatabaseOverview, now: Instant): Row {
  const { name, epoch, primary, says, standing, write } = database
  return {
    cells: [
      cell(name, 'strong'),
      cell(primary === undefined ? says : `${primary} leads, epoch ${epoch}`, standing),
      cell(''),
      cell(''),
      cell(''),
      cell(''),
      cell(write, 'faint'),
    ],
    notes: headNotes(database, now),
  }
}

function headNotes(database: DatabaseOverview, now: Instant): readonly Cell[] {
  const { rule, why, request, failover, read, acks, work } = database
  const notes: Cell[] = []
  if (rule !== 'steady') notes.push(cell(`${rule}: ${why}`, toneOf(database)))
  if (request !== undefined) notes.push(cell(`an operator asked for ${request}`, 'doubtful'))
  for (const one of work.filter((each) => isNews(each, now))) notes.push(workNote(one, now))
  notes.push(...backupTroubles(database, now))
  const by = acks.length === 0 ? [] : [`acknowledged by ${acks.join(', then ')}`]
  const reads = read === undefined ? [] : [`reads at ${read}`]
  if (by.length + reads.length > 0) notes.push(cell([...by, ...reads].join('; '), 'faint'))
  if (failover !== undefined) {
    const { at, took, planned, phases } = failover
    const kind = planned ? 'planned move' : 'failover'
    const parts = phases.map((phase) => `${phase.name} ${formatDuration(phase.took)}`).join(', ')
    const when = `${age(since(at, now))} ago`
    notes.push(cell(`last ${kind} ${when} took ${formatDuration(took)}: ${parts}`, 'faint'))
  }
  return notes
}

const toneOf = ({ standing }: DatabaseOverview): Cell['tone'] =>
  standing === 'good' ? 'faint' : standing

/** What has ended is told for a while. */
const isNews = ({ ended }: DatabaseWork, now: Instant): boolean =>
  ended === undefined || since(ended.at, now) < newsFor

/** `backup: 43 % of 1.2G since 12s` */
export function workNote(work: DatabaseWork, now: Instant): Cell {
  const { kind, ended, step, done, of } = work
  if (ended !== undefined) {
    const when = `${age(since(ended.at, now))} ago`
    return cell(`${kind}, ended ${when}: ${ended.line}`, ended.well ? 'faint' : 'bad')
  }
  const far = of === undefined ? count(done) : `${shareOf({ done, of })} of ${count(of)}`
  return cell(`${kind}: ${step}, ${far} since ${age(since(work.since, now))}`, 'doubtful')
}

function memberRow(member: MemberOverview, database: DatabaseOverview): Row {
  const { name, state, standing, reason, lag, behind, clients, machine, address, busy } = member
  const { restart } = member
  const far = busy === undefined ? '' : shareOf(busy)
  const isPrimary = name === database.primary
  const notes: Cell[] = reason === '' || busy !== undefined ? [] : [cell(reason, standing)]
  if (restart !== undefined) notes.push(cell(`is to be restarted: ${restart}`, 'doubtful'))
  if (!isPrimary && !member.acknowledges && database.durability === 'quorum') {
    notes.push(cell('no write waits for it', 'doubtful'))
  }
  return {
    cells: [
      cell(`  ${name}`),
      cell(far === '' ? state : `${state} ${far}`, standing),
      cell(lag === undefined || isPrimary ? '' : formatDuration(lag)),
      cell(isPrimary ? '' : amount(behind, database)),
      cell(clients === undefined ? '' : count(clients)),
      cell(machine ?? ''),
      cell(address.replace(/^127\.0\.0\.1:/, ':'), 'faint'),
    ],
    notes,
  }
}

/** A backup that cannot be relied upon is told wherever the database is. */
function backupTroubles({ backups }: DatabaseOverview, now: Instant): readonly Cell[] {
  if (backups === undefined) return []
  const { trouble, tried } = backups
  const troubled = trouble === '' ? [] : [cell(`backups: ${trouble}`, 'bad')]
  if (tried === undefined || tried.well) return troubled
  const when = `${age(since(tried.at, now))} ago`
  return [...troubled, cell(`the last trial of a backup, ${when}, failed: ${tried.line}`, 'bad')]
}

function backupsOf({ backups }: DatabaseOverview, now: Instant): string {
  if (backups === undefined) return 'none: see `backups:` in the file'
  const { to, last, tried, from, until, receiving } = backups
  const ago = (at: Instant | undefined): string =>
    at === undefined ? 'never' : `${age(since(at, now))} ago`
  const trial =
    tried === undefined ? '' : `; tried ${ago(tried.at)}${tried.well ? '' : `: ${tried.line}`}`
  const reach =
    from === undefined || until === undefined
      ? ''
      : `; restorable from ${age(since(from, now))} to ${age(since(until, now))} ago`
  const log = receiving ? '' : '; the log is not received'
  return `${backups.count} in ${to}, the last ${ago(last)}${reach}${log}${trial}`
}
