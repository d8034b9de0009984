// What the command line may ask about databases, answered from what is known of them.

import type { DatabaseView } from '../databases/model.ts'
import { type BesideView, type DatabaseOverview, overviewOf } from '../databases/overview.ts'
import { Fault } from '../foundation/fault.ts'
import type { Instant } from '../foundation/time.ts'
import { databaseUrl } from '../spec/database-words.ts'
import type { DatabaseOrder, DatabaseOrdered } from './api.ts'
import {
  approve,
  failOver,
  type Ordered,
  promote,
  reinit,
  setPaused,
  switchOver,
  type WishChange,
} from './database-operator.ts'
import { restart, stopRestart } from './database-restart.ts'
import type { Answers } from './server.ts'

/** The port: what looks after the databases of this machine. All reject with a Fault. */
export interface DatabaseAnswers {
  /** What is known of each database of the file. */
  views(): readonly DatabaseView[]
  /** What the views do not hold: the last failover, what is under way, what backups there are. */
  beside(database: string): BesideView
  /** Changes what operators wish for; resolves once that is where whoever decides sees it. */
  ask(database: string, change: WishChange): Promise<void>
  /** The password of its application. */
  passwordOf(database: string): string
  /** Each begins something that the status shows by the id it resolves to. */
  backUp(database: string): Promise<string>
  restore(database: string, to: Instant | undefined, as: string | undefined): Promise<string>
  verify(database: string, repair: boolean): Promise<string>
}

/** How all of them are. */
export const overviews = (
  databases: Pick<DatabaseAnswers, 'views' | 'beside'>,
  now: Instant,
): readonly DatabaseOverview[] =>
  databases.views().map((view) => overviewOf(view, now, databases.beside(view.plan.name)))

/** Which member is primary, as far as it is known. */
export function primaryOf(databases: Pick<DatabaseAnswers, 'views'>, name: string) {
  const phase = databases.views().find(({ plan }) => plan.name === name)?.record?.phase
  return phase?.kind === 'serving' ? phase.primary : undefined
}

type DatabasePaths = '/database' | '/database-url'

/** The answers about databases. `note` tells the journal what an operator asked for. */
export function databaseAnswers(
  databases: DatabaseAnswers,
  now: () => Instant,
  note: (verb: string, subject: string) => void,
): Pick<Answers, DatabasePaths> {
  const views = (): readonly DatabaseView[] => databases.views()
  return {
    '/database': async (order) => {
      const view =
        'member' in order ? ownerOf(views(), order.member) : find(views(), order.database)
      const ordered = await carryOut(databases, view, order, now())
      note(order.verb, 'member' in order ? order.member : order.database)
      return ordered
    },
    '/database-url': ({ database, door }) => {
      const { plan } = find(views(), database)
      const url = databaseUrl(plan, door, databases.passwordOf(database))
      if (url !== undefined) return { url }
      throw new Fault('not-found', `${database} has no address for reading`, {
        remedy: 'give it one in the file: `bind: { read: ":5433" }`',
      })
    },
  }
}

async function carryOut(
  databases: DatabaseAnswers,
  view: DatabaseView,
  order: DatabaseOrder,
  now: Instant,
): Promise<DatabaseOrdered> {
  const { name: database } = view.plan
  const epoch = view.record?.epoch ?? 0
  switch (order.verb) {
    case 'backup':
      return { database, epoch, work: await databases.backUp(database) }
    case 'restore':
      return { database, epoch, work: await databases.restore(database, order.to, order.as) }
    case 'verify':
      return { database, epoch, work: await databases.verify(database, order.repair) }
    default: {
      const { change, member } = wishOf(view, order, now)
      await databases.ask(database, change)
      return { database, epoch, ...(member === undefined ? {} : { member }) }
    }
  }
}

type Wished = Exclude<DatabaseOrder, { readonly verb: 'backup' | 'restore' | 'verify' }>

function wishOf(view: DatabaseView, order: Wished, now: Instant): Ordered {
  switch (order.verb) {
    case 'switchover':
      return switchOver(view, now, order.to)
    case 'failover':
      return failOver(view, now, order.acceptDataLoss)
    case 'promote':
      return promote(view, now, order.member)
    case 'reinit':
      return reinit(view, now, order.member)
    case 'restart':
      return order.stop ? stopRestart(view) : restart(view, now, order.only)
    case 'pause':
      return setPaused(view, true)
    case 'resume':
      return setPaused(view, false)
    default:
      return approve(view, now)
  }
}

function find(views: readonly DatabaseView[], name: string): DatabaseView {
  const view = views.find(({ plan }) => plan.name === name)
  if (view !== undefined) return view
  const owner = views.find(({ plan }) => plan.members.some((member) => member.name === name))
  const known = views.map(({ plan }) => plan.name).join(', ')
  throw new Fault('not-found', `there is no database ${name}`, {
    remedy:
      owner !== undefined
        ? `it is a member of ${owner.plan.name}`
        : known === ''
          ? 'this file has no databases'
          : `there are ${known}`,
  })
}

function ownerOf(views: readonly DatabaseView[], member: string): DatabaseView {
  const view = views.find(({ plan }) => plan.members.some(({ name }) => name === member))
  if (view !== undefined) return view
  const known = views.flatMap(({ plan }) => plan.members.map(({ name }) => name)).join(', ')
  throw new Fault('not-found', `there is no member ${member} of a database`, {
    remedy: known === '' ? 'this file has no databases' : `there are ${known}`,
  })
}
