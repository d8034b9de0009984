// The databases of an agent, opened once it is known which machine this is; and what of a file only
// this machine can fill in.

import { systemd } from '../databases/adoption/local.ts'
import { type FailoverTrace, lastFailover } from '../databases/trace.ts'
import { Fault } from '../foundation/fault.ts'
import type { Clock } from '../foundation/time.ts'
import { fillDatabaseReferences } from '../spec/database-words.ts'
import type { Service, Spec } from '../spec/model.ts'
import { databaseAdopter, databaseEngine, databasePrograms } from './adapters.ts'
import type { DatabaseAnswers } from './database-answers.ts'
import { databaseFolders } from './database-folders.ts'
import type { AgentDatabasesOptions } from './database-options.ts'
import { AgentDatabases } from './databases.ts'
import type { OpenJournal } from './journal.ts'
import type { StatePaths } from './paths.ts'
import { version } from './version.ts'

/** What the databases of an agent stand on. */
export interface DatabaseParts {
  readonly paths: StatePaths
  readonly clock: Clock
  readonly journal: OpenJournal
  readonly changed: () => void
}

/** Opens them for this machine of a cluster, or for one that is alone. */
export const openDatabases = (
  { paths, clock, journal, changed }: DatabaseParts,
  cluster: AgentDatabasesOptions['cluster'],
): AgentDatabases =>
  new AgentDatabases({
    ...{ clock, version, cluster, changed, engines: databaseEngine },
    ...{ adopters: databaseAdopter, services: systemd },
    programs: databasePrograms,
    folders: databaseFolders(paths.folder, process.getuid?.() === 0, paths.spelled),
    event: (rule, subject, why, actions = [], seen = {}) =>
      journal.record({ at: clock.now(), room: 'databases', subject, rule, why, actions, seen }),
  })

/** The spec with what its services are told of databases: their passwords, too. */
export function fillSpec(spec: Spec, databases: AgentDatabases): Spec {
  const plans = Object.values(spec.databases)
  if (plans.length === 0) return spec
  const passwords = new Map(plans.map((plan) => [plan.name, databases.passwordOf(plan)]))
  const services = Object.entries(spec.services).map(([name, service]): [string, Service] => {
    if (service.kind !== 'run') return [name, service]
    const { env, secrets } = fillDatabaseReferences(
      service.env,
      spec.databases,
      (database) => passwords.get(database) ?? '',
    )
    return [name, { ...service, env, secrets: [...service.secrets, ...secrets] }]
  })
  return { ...spec, services: Object.fromEntries(services) }
}

/** What the command line asks about them. `journal` remembers how the last failover went. */
export const answeringFor = (databases: AgentDatabases, journal: OpenJournal): DatabaseAnswers => ({
  views: () => databases.views(),
  beside(database) {
    const failover = traceOf(journal, database)
    const keeping = databases.holds(database) ? databases.keeping(database) : undefined
    return { failover, work: keeping?.work() ?? [], backups: keeping?.backups() }
  },
  ask: (database, change) => databases.ask(database, change),
  passwordOf(database) {
    const view = databases.views().find(({ plan }) => plan.name === database)
    if (view === undefined) throw new Fault('not-found', `there is no database ${database}`)
    return databases.passwordOf(view.plan)
  },
  backUp: (database) => databases.keeping(database).backUp(),
  restore: (database, to, as) => databases.keeping(database).restore(to, as),
  verify: (database, repair) => databases.keeping(database).verify(repair),
})

const traceOf = (journal: OpenJournal, database: string): FailoverTrace | undefined =>
  lastFailover(
    journal.recent().filter(({ room, subject }) => room === 'databases' && subject === database),
  )
